"""Drills of model servers: one ends, one is gone, one hangs, all are slow, many answers fail, callers are throttled."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from rehearsal.faults.drill import Drill, counted, demand
from rehearsal.faults.load import OK, Load
from rehearsal.faults.world import awaited

if TYPE_CHECKING:
    from rehearsal.faults.drill import Row
    from rehearsal.faults.world import World

LONGEST_S = 60.0
FEWEST_STRUCK = 40


def server_killed(world: World) -> Row:
    """The only server ends: requests fail with 503 until SageMaker has started another."""
    return _struck(world, "the only server is killed", "kill-server", instances=1, breaks={"failures"}, fires=True)


def instance_gone(world: World) -> Row:
    """One of two instances is gone for a while: only what it had begun may fail."""
    row = _struck(world, "one of two instances is gone", "take-instance", instances=2, breaks=set(), seconds=6.0)
    demand("only what the lost instance had begun fails", sum(row.failed.values()) <= 4, "<= 4 (users)", row.failed)
    return row


def server_hangs(world: World) -> Row:
    """One of two servers hangs: its health checks fail, and it is replaced."""
    return _struck(
        world, "one of two servers hangs", "freeze-server", instances=2, breaks={"failures"}, seconds=LONGEST_S
    )


def slow_responses(world: World) -> Row:
    """Every answer comes late: no request fails, the latency objective breaks, the latency alarm fires."""
    with world.endpoint() as name:
        return _burst(world, name, "slow responses", "latency-p99", {"p95_ms"}, kind="slow-model", delay_s=0.8)


def errors_burst(world: World) -> Row:
    """The model answers every other request with 500."""
    with world.endpoint() as name:
        row = _burst(world, name, "5XX burst", "5xx", {"failures"}, kind="fail-model", status=500, share=0.5)
        bad = row.failed.get("ModelError 500", 0)
        counted(world, name, lambda: {"Invocations": row.sent, "Invocation5XXErrors": bad, "Invocation4XXErrors": 0.0})
        return row


def throttled(world: World) -> Row:
    """InvokeEndpoint refuses a third of the calls: failures of the caller, of which the endpoint knows nothing."""
    with world.endpoint() as name, Load(world.aws.endpoint, world.calls(name)) as load:
        drill = Drill(world, "throttled InvokeEndpoint", load, others=(f"{name}-5xx", f"{name}-latency-p99"))
        drill.begin()
        with world.aws.fault("throttle", endpoint=name, share=0.33, seconds=LONGEST_S) as fault:
            awaited(f"{FEWEST_STRUCK} calls are throttled", lambda: _struck_by_now(world) >= FEWEST_STRUCK, LONGEST_S)
        drill.end()
        drill.recovered()
        load.stop()
        row = drill.row(breaks={"failures"})
        demand(
            "every throttled call is in the books",
            row.failed == {"ThrottlingException": fault["struck"]},
            fault,
            row.failed,
        )
        counted(world, name, lambda: {"Invocations": row.sent - fault["struck"], "Invocation5XXErrors": 0.0})
        return row


def _burst(world: World, name: str, fault: str, alarm: str, breaks: set[str], **fields: Any) -> Row:
    """Let a fault hold until the alarm fires."""
    others = tuple(f"{name}-{one}" for one in {"5xx", "latency-p99"} - {alarm})
    with Load(world.aws.endpoint, world.calls(name)) as load:
        drill = Drill(world, fault, load, alarm=f"{name}-{alarm}", others=others)
        drill.begin()
        with world.aws.fault(fields.pop("kind"), endpoint=name, seconds=LONGEST_S, **fields) as struck:
            drill.fired()
            awaited(f"{FEWEST_STRUCK} answers are struck", lambda: _struck_by_now(world) >= FEWEST_STRUCK, LONGEST_S)
        drill.end()
        drill.recovered()
        load.stop()
        row = drill.row(breaks=breaks)
        demand("what was struck is in the books", struck["struck"] <= row.sent, f"<= {row.sent}", struck["struck"])
        return row


def _struck(
    world: World, fault: str, kind: str, *, instances: int, breaks: set[str], fires: bool = False, **fields: Any
) -> Row:
    """Strike one server, and wait until another runs in its place."""
    with world.endpoint(instances=instances) as name, Load(world.aws.endpoint, world.calls(name)) as load:
        alarm = f"{name}-5xx" if fires else ""
        drill = Drill(world, fault, load, alarm=alarm, others=() if fires else (f"{name}-5xx",))
        drill.begin()
        awaited("every server has written its log", lambda: _servers(world, name) == instances, 15.0)
        begun = time.monotonic()
        with world.aws.fault(kind, endpoint=name, **fields) as struck:
            if fires:
                drill.fired()
            awaited(f"{struck['instance']} is replaced", lambda: _servers(world, name) > instances, LONGEST_S)
        drill.end(begun)
        drill.recovered()
        load.stop()
        row = drill.row(breaks=breaks, may=frozenset({"failures", "p95_ms"} if instances > 1 else ()))
        lost = sum(count for error, count in row.failed.items() if error != OK)
        counted(world, name, lambda: {"Invocations": row.sent, "Invocation5XXErrors": lost})
        return row


def _struck_by_now(world: World) -> int:
    """Return how often the only fault has struck."""
    return sum(fault["struck"] for fault in world.aws.faults())


def _servers(world: World, endpoint: str) -> int:
    """Return how many servers an endpoint has had: each writes a log stream of its own."""
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    streams = world.client("logs").describe_log_streams(logGroupName=group)["logStreams"]
    return sum("/i-" in stream["logStreamName"] for stream in streams)
