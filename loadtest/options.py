"""The command line of a load test, and the plan and the objective that it describes."""

from __future__ import annotations

import argparse
from pathlib import Path

from loadtest import shapes
from loadtest.capacity.knee import Objective
from loadtest.errors import LoadUsageError
from loadtest.generator import Address
from loadtest.plan import Arrivals, Kind, Plan
from loadtest.slo import Slo
from loadtest.trace import replayed

USAGE = """
examples:
  as fast as 8 users get their answers, for 30 s
    python -m loadtest.run --endpoint NAME --images DIR --users 8 --seconds 30 --out out/
  200 requests arrive every second, however slow the answers are
    python -m loadtest.run --endpoint NAME --images DIR --rate 200 --seconds 30 --slo-p95-ms 150 --out out/
  the most that the endpoint does within 150 ms: 2, 4, 6, ... users until it no longer keeps up
    python -m loadtest.run --endpoint NAME --images DIR --shape stairs --users 2 --steps 20 --slo-p95-ms 150 --out out/
  yesterday's traffic, with twice as many requests
    python -m loadtest.run --endpoint NAME --images DIR --shape replay --trace traffic.csv --scale 2 --out out/

exit status: 0 objective kept, 1 objective broken, 2 bad usage, 3 the generator itself failed or was too slow to judge,
130 interrupted
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="python -m loadtest.run",
        description="Load-test an endpoint, a function or a workflow, and judge it against its objective.",
        epilog=USAGE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _target(made)
    _load(made)
    _shape(made)
    _generator(made)
    _objective(made)
    return made


def plan(options: argparse.Namespace) -> Plan:
    """Return the plan that the options describe.

    Raises
    ------
    LoadUsageError
        They do not fit together.
    """
    kind, target = _aim(options)
    if options.batch and kind != "endpoint":
        raise LoadUsageError("batch", options.batch, "batches of images go to an --endpoint only")
    return Plan(
        kind=kind,
        target=target,
        payloads=_payloads(options, kind),
        shape=_levels(options),
        arrivals=_arrivals(options),
        alias=options.alias,
        warmup_s=options.warmup,
        seed=options.seed,
        max_in_flight=options.max_in_flight,
        timeout_s=options.timeout,
        max_lag_ms=options.max_lag_ms,
        workers=options.workers,
        batch=_sizes(options.batch),
        trace=options.trace if options.shape == "replay" else None,
        scale=options.scale,
    )


def master(options: argparse.Namespace) -> Address | None:
    """Return where to wait for workers of other machines; None to do without."""
    if options.master is None:
        return None
    if not options.workers:
        raise LoadUsageError("workers", options.workers, "say with --workers how many machines help")
    return Address.parse("master", options.master)


def objective(options: argparse.Namespace) -> Slo:
    """Return the objective that the options describe."""
    return Slo(options.slo_p95_ms, options.slo_p99_ms, options.slo_failures, options.slo_min_rps)


def _target(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("what is tested")
    target = group.add_mutually_exclusive_group(required=True)
    target.add_argument("--endpoint", metavar="NAME", help="SageMaker endpoint to send images to")
    target.add_argument("--function", metavar="NAME", help="Lambda function to send events to")
    target.add_argument("--workflow", metavar="NAME", help="state machine (name or ARN) to start executions of")
    group.add_argument("--alias", default="live", help="alias of the function (default: live)")
    group.add_argument("--images", type=Path, metavar="DIR", help="folder of PNG and JPEG files, for an endpoint")
    group.add_argument(
        "--batch", metavar="N,N", help="send the images as JSON, so many in each request in turn, such as 1,8"
    )
    group.add_argument(
        "--events", type=Path, metavar="FILE", help="JSON Lines of events for a function, of inputs for a workflow"
    )


def _load(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("how much load")
    group.add_argument("--users", type=int, metavar="N", help="users who wait for their answers (default: 8)")
    group.add_argument("--rate", type=float, metavar="R", help="arrivals per second instead, whatever the answers do")
    group.add_argument(
        "--arrivals", choices=("poisson", "constant"), default="poisson", help="how a rate arrives (default: poisson)"
    )
    group.add_argument(
        "--seconds", type=float, default=12, help="measured seconds; of a spike, those before and after (default: 12)"
    )
    group.add_argument("--warmup", type=float, default=2, help="seconds before that are not measured (default: 2)")
    group.add_argument("--seed", type=int, default=0, help="of arrivals and the order of payloads (default: 0)")


def _shape(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("its shape")
    group.add_argument(
        "--shape",
        choices=("steady", "stairs", "spike", "soak", "replay"),
        default="steady",
        help="steady: one level. stairs: --steps levels of --users (or --rate) more each, until throughput is flat or "
        "the objective broken. spike: up to --peak and back. soak: one level for long, in four parts. replay: --trace",
    )
    group.add_argument("--steps", type=int, default=10, help="stairs: how many at most (default: 10)")
    group.add_argument("--step-seconds", type=float, default=20, help="stairs: seconds of each (default: 20)")
    group.add_argument("--settle", type=float, default=2, help="stairs: seconds before each, not measured (default: 2)")
    group.add_argument(
        "--flat", choices=("stop", "continue"), default="stop", help="stairs: at flat throughput (default: stop)"
    )
    group.add_argument("--refine", type=int, default=2, help="stairs: extra levels close to their end (default: 2)")
    group.add_argument(
        "--min-requests", type=int, default=400, help="stairs: a step goes on until it has these (default: 400)"
    )
    group.add_argument("--peak", type=float, help="spike: users (or rate) at its height (default: 4 times the base)")
    group.add_argument("--spike-seconds", type=float, default=10, help="spike: how long it lasts (default: 10)")
    group.add_argument("--trace", type=Path, metavar="FILE", help="replay: CSV of time,rate or JSON Lines with a time")
    group.add_argument("--scale", type=float, default=1.0, help="replay: times as much traffic (default: 1)")


def _generator(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("the generator")
    group.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for load.json and logs")
    group.add_argument("--workers", type=int, default=0, metavar="N", help="send from N processes (default: from one)")
    away = group.add_mutually_exclusive_group()
    away.add_argument(
        "--master", metavar="HOST:PORT", help="wait there for the --workers, which other machines start (see README)"
    )
    away.add_argument("--worker-of", metavar="HOST:PORT", help="be such a worker; all other options as the master's")
    group.add_argument(
        "--max-in-flight", type=int, default=1000, metavar="N", help="with --rate: waiting requests (default: 1000)"
    )
    group.add_argument("--alarms", metavar="PREFIX", help="also record which of these CloudWatch alarms ring")
    group.add_argument("--scaling", action="store_true", help="also record what scaled the endpoint")
    group.add_argument("--timeout", type=float, default=60, help="seconds until a request has failed (default: 60)")
    group.add_argument(
        "--max-lag-ms", type=float, default=100, help="own delay above which nothing is judged (default: 100)"
    )


def _objective(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("the objective")
    group.add_argument("--slo-p95-ms", type=float, help="95th percentile limit in ms")
    group.add_argument("--slo-p99-ms", type=float, help="99th percentile limit in ms")
    group.add_argument("--slo-failures", type=float, default=0.0, help="failed share limit, 0 to 1 (default: 0)")
    group.add_argument("--slo-min-rps", type=float, help="throughput that must be reached, requests/s")


def _aim(options: argparse.Namespace) -> tuple[Kind, str]:
    if options.endpoint is not None:
        return "endpoint", options.endpoint
    if options.function is not None:
        return "function", options.function
    return "workflow", options.workflow


def _payloads(options: argparse.Namespace, kind: Kind) -> Path:
    name, path = ("images", options.images) if kind == "endpoint" else ("events", options.events)
    if path is None:
        raise LoadUsageError(name, None, f"give --{name} with --{kind}")
    if not path.exists():
        raise LoadUsageError(name, str(path), "name something that exists")
    return Path(path).resolve()


def _arrivals(options: argparse.Namespace) -> Arrivals:
    if options.shape == "replay":
        return "recorded"
    arrivals: Arrivals = "closed" if options.rate is None else options.arrivals
    return arrivals


def _levels(options: argparse.Namespace) -> shapes.Shape:
    if options.users is not None and options.rate is not None:
        raise LoadUsageError("rate", options.rate, "give either --rate or --users")
    if options.shape == "replay":
        return _replay(options)
    base = float(8 if options.users is None else options.users) if options.rate is None else options.rate
    if options.shape == "stairs":
        if not 0 <= options.refine <= shapes.MAX_STEPS:
            raise LoadUsageError("refine", options.refine, f"give 0 to {shapes.MAX_STEPS}")
        limits = Objective(options.slo_p95_ms, options.slo_failures)
        rules = shapes.Stairs(limits, options.flat, options.refine, options.min_requests)
        return shapes.stairs(base, options.steps, options.step_seconds, options.settle, rules)
    if options.shape == "spike":
        peak = 4 * base if options.peak is None else options.peak
        return shapes.spike(base, peak, options.seconds, options.spike_seconds)
    return shapes.soak(base, options.seconds) if options.shape == "soak" else shapes.steady(base, options.seconds)


def _replay(options: argparse.Namespace) -> shapes.Shape:
    if options.users is not None or options.rate is not None:
        raise LoadUsageError("shape", "replay", "the trace says how much load there is: leave out --users and --rate")
    if options.trace is None:
        raise LoadUsageError("trace", None, "give --trace with --shape replay")
    options.trace = options.trace.resolve()
    trace = replayed(options.trace, options.scale)
    if trace.seconds > shapes.MAX_SECONDS:
        hint = f"give at most {shapes.MAX_SECONDS:,.0f} s of traffic: cut the busiest hours out"
        raise LoadUsageError("trace", f"{trace.seconds:,.0f} s", hint)
    return shapes.replay(trace.mean, max(1.0, trace.seconds))


def _sizes(text: str | None) -> tuple[int, ...]:
    if not text:
        return ()
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise LoadUsageError("batch", text, "give images per request as whole numbers, such as 1,8,32") from None
