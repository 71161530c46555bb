"""Drills of what is done to an endpoint: more requests than its queue holds, bodies that are no images, a change."""

from __future__ import annotations

import random
from contextlib import ExitStack
from typing import TYPE_CHECKING

from rehearsal.faults.bodies import bodies
from rehearsal.faults.drill import Drill, counted, demand
from rehearsal.faults.load import OK, Load, invocation, kinds
from rehearsal.faults.world import awaited

if TYPE_CHECKING:
    from rehearsal.faults.drill import Row
    from rehearsal.faults.world import World

FUZZED = 1000
SEED = 20261121
_LONGEST_S = 60.0


def queue_full(world: World) -> Row:
    """A crowd fills the server's queue: what does not fit is refused at once, and the rest is answered."""
    with ExitStack() as stack:
        name = stack.enter_context(world.endpoint(instances=1, passes=4, SERVING_QUEUE="2", SERVING_BATCH="1"))
        calls = world.calls(name)
        load = stack.enter_context(Load(world.aws.endpoint, calls, users=1))
        drill = Drill(world, "queue full", load, alarm=f"{name}-5xx", others=(f"{name}-latency-p99",))
        drill.begin()
        with Load(world.aws.endpoint, calls, users=16, pause_s=0.005) as crowd:
            drill.fired()
        drill.end()
        drill.recovered()
        load.stop()
        demand(
            "the crowd is refused and answered",
            set(kinds(crowd.answered)) == {OK, "ModelError 503"},
            "both",
            kinds(crowd.answered),
        )
        row = drill.row(breaks={"failures"}, may=frozenset({"p95_ms"}), also=crowd)
        refused = row.failed["ModelError 503"]
        counted(world, name, lambda: {"Invocations": row.sent, "Invocation5XXErrors": refused})
        return row


def malformed(world: World) -> Row:
    """A thousand bodies that are no image, beside good requests: each is refused by the model, none does harm."""
    with ExitStack() as stack:
        name = stack.enter_context(world.endpoint())
        load = stack.enter_context(Load(world.aws.endpoint, world.calls(name)))
        drill = Drill(
            world, f"{FUZZED:,} malformed and oversized bodies", load, others=(f"{name}-5xx", f"{name}-latency-p99")
        )
        drill.begin()
        bad = [
            invocation(world.aws.endpoint, name, body, kind, region=world.aws.region)
            for body, kind in bodies(FUZZED, random.Random(SEED))  # noqa: S311 (the same bodies every time)
        ]
        with Load(world.aws.endpoint, bad, pause_s=0.0, most=FUZZED) as fuzz:
            awaited(f"{FUZZED} bodies are answered", lambda: len(fuzz.answered) >= FUZZED, 2 * _LONGEST_S)
        drill.end()
        drill.recovered()
        load.stop()
        row = drill.row(breaks=set())
        demand("good requests take no harm", not row.failed, "none failed", row.failed)
        found = kinds(fuzz.answered)
        refused = {kind for kind in found if kind == "ValidationError" or kind.startswith("ModelError 4")}
        demand("every body is refused with 4XX", fuzz.sent == FUZZED and set(found) == refused, FUZZED, dict(found))
        too_large = found["ValidationError"]
        row.notes.append(
            f"{FUZZED:,} bodies refused: {', '.join(f'{n} x {kind}' for kind, n in sorted(found.items()))}"
        )
        counted(
            world,
            name,
            lambda: {
                "Invocations": row.sent + FUZZED - too_large,
                "Invocation4XXErrors": FUZZED - too_large,
                "Invocation5XXErrors": 0.0,
            },
        )
        return row


def deploy(world: World) -> Row:
    """A good model takes the place of another, by canary under the module's alarms: no request is lost."""
    with world.endpoint() as name, Load(world.aws.endpoint, world.calls(name)) as load:
        alarms = (f"{name}-5xx", f"{name}-latency-p99")
        drill = Drill(world, "deploy in the middle", load, others=alarms)
        drill.begin()
        config = world.config(world.model(version="2"), 2)
        canary = {"Type": "CAPACITY_PERCENT", "Value": 50}
        routing = {"Type": "CANARY", "CanarySize": canary, "WaitIntervalInSeconds": 60}
        world.client("sagemaker").update_endpoint(
            EndpointName=name,
            EndpointConfigName=config,
            DeploymentConfig={
                "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": 0},
                "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm} for alarm in alarms]},
            },
        )
        world.settled(name)
        drill.end()
        described = world.client("sagemaker").describe_endpoint(EndpointName=name)
        demand(
            "the new model serves", described["EndpointConfigName"] == config, config, described["EndpointConfigName"]
        )
        drill.recovered()
        load.stop()
        row = drill.row(breaks=set())
        demand("a deploy loses no request", not row.failed, "none failed", row.failed)
        counted(world, name, lambda: {"Invocations": row.sent, "Invocation5XXErrors": 0.0})
        return row
