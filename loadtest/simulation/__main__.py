"""Replay traffic against an endpoint's scaling, before AWS does.

    python -m loadtest.simulation --trace day.csv --result out/load.json --env prod --slo-p95-ms 200 --out out/
    python -m loadtest.simulation --trace day.csv --service-ms 12 --workers 2 --slo-p95-ms 200 --search --out out/
    python -m loadtest.simulation --trace day.csv --service-ms 12 --frontier 100,1000,10000,100000 --out out/
    python -m loadtest.simulation --trace day.csv --provisioned 5:50 --reserved 200 --duration-ms 40

The trace is CSV (time,rate) or JSON Lines (a "time" per request), in seconds or ISO 8601; without one, a day is made
up. The objective is the workload's own unless another is given.

Exit status: 0 objective kept, 1 objective broken or no plan keeps it, 2 bad usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loadtest import cli
from loadtest.errors import LoadUsageError
from loadtest.files import write_json, write_text
from loadtest.simulation import exact, fluid, functions, inputs, plots, search
from loadtest.simulation.fleet import Plan, World
from loadtest.simulation.outcome import Outcome
from loadtest.simulation.progress import Bar
from loadtest.simulation.scaling import TargetTracking
from loadtest.simulation.trace import Trace

EXACT_UP_TO = 2_000_000


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        traffic, source = inputs.traffic(options)
        if options.provisioned is not None:
            return _function(options, traffic)
        world, measured = inputs.world(options)
        print(_given(traffic, source, world, measured))
        if options.frontier is not None:
            return _frontier(options, traffic, world)
        return _search(options, traffic, world) if options.search else _replay(options, traffic, world)
    except LoadUsageError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        print("simulation interrupted, nothing written", file=sys.stderr)
        return 130


def _replay(options: argparse.Namespace, traffic: Trace, world: World) -> int:
    plan, source = inputs.plan(options, traffic)
    p95_ms = inputs.objective(options)
    engine = options.engine
    if engine == "auto":
        engine = "exact" if traffic.requests <= EXACT_UP_TO else "fluid"
    bar = Bar(sys.stderr, f"{traffic.requests:,.0f} requests")
    try:
        if engine == "exact":
            outcome = exact.run(traffic, plan, world, options.seed, progress=bar)
        else:
            outcome = fluid.run(traffic, [plan], world, moments=True, progress=bar)[0]
    finally:
        bar.end()
    print(f"plan ({source}): {_plan(plan)}")
    print(_told(outcome, options.price))
    _write(options.out, {"plan": _plan(plan), **outcome.document()}, plots.scaling(outcome, p95_ms))
    kept = outcome.keeps(p95_ms, options.slo_dropped)
    limits = f"p95 <= {p95_ms:g} ms, dropped <= {options.slo_dropped:.3%}"
    print(f"objective {'kept' if kept else 'BROKEN'}: {limits}; {_over(outcome, p95_ms)}")
    return 0 if kept else 1


def _search(options: argparse.Namespace, traffic: Trace, world: World) -> int:
    p95_ms = inputs.objective(options)
    objective = search.Objective(p95_ms, options.slo_dropped)
    bar = Bar(sys.stderr, "search")
    try:
        best, tried = search.search(
            traffic,
            world,
            objective,
            fewest=options.min or 1,
            schedule=inputs.schedule(options),
            seed=options.seed,
            progress=bar,
        )
    finally:
        bar.end()
    if best is None:
        quickest = search.frontier(tried, options.slo_dropped)[-1:]
        nearest = f"; the best p95 was {quickest[0].outcome.p95_ms:.1f} ms" if quickest else "; all of them drop more"
        print(f"none of {len(tried)} plans keeps p95 <= {p95_ms:g} ms{nearest}", file=sys.stderr)
        return 1
    print(f"cheapest of {len(tried)} plans: {_plan(best.plan)}")
    print(f"{_told(best.outcome, options.price)}; {_over(best.outcome, p95_ms)}")
    _write(
        options.out,
        {"plan": _plan(best.plan), **best.outcome.document()},
        plots.scaling(best.outcome, p95_ms),
    )
    return 0


def _frontier(options: argparse.Namespace, traffic: Trace, world: World) -> int:
    if options.out is None:
        raise LoadUsageError("out", None, "give --out: the frontier is a picture")
    found = {}
    document: dict[str, Any] = {}
    for peak in _peaks(options.frontier):
        scaled = traffic.scaled(peak / traffic.peak)
        bar = Bar(sys.stderr, f"frontier at {peak:,.0f} requests/s")
        try:
            choices = search.tried(scaled, search.candidates(scaled, world, options.min or 1), world, bar)
        finally:
            bar.end()
        best = search.frontier(choices, options.slo_dropped)
        name = f"{peak:,.0f}/s"
        found[name] = (scaled.requests, best)
        document[name] = [{"plan": _plan(c.plan), **c.outcome.document()} for c in best]
        ends = f": {_told(best[0].outcome, options.price)}" if best else ", all of them drop too much"
        print(f"peak {name}: {len(best)} of {len(choices)} plans on the frontier, the cheapest{ends}")
    if not any(best for _, best in found.values()):
        print("no plan serves this traffic", file=sys.stderr)
        return 1
    _write(options.out, document, plots.frontiers(found, inputs.objective(options), options.price), "frontier")
    return 0


def _function(options: argparse.Namespace, traffic: Trace) -> int:
    bar = Bar(sys.stderr, f"{traffic.seconds:,.0f} s")
    try:
        outcome = functions.run(traffic, inputs.function(options), bar)
    finally:
        bar.end()
    print(
        f"{outcome.arrived:,.0f} calls, {outcome.cold_share:.3%} cold, {outcome.throttled_share:.3%} throttled, "
        f"at most {outcome.busiest:,.0f} under way, p95 {_ms(outcome.p95_ms)}, p99 {_ms(outcome.p99_ms)}, "
        f"{outcome.provisioned_hours:,.1f} environment hours provisioned"
    )
    _write(options.out, outcome.document(), None, "function")
    return 0 if outcome.throttled_share <= options.slo_dropped else 1


def _peaks(text: str) -> list[float]:
    try:
        peaks = [float(part) for part in text.split(",")]
    except ValueError:
        peaks = []
    if not peaks or not all(0 < peak <= 1e6 for peak in peaks) or len(peaks) > 4:
        raise LoadUsageError("frontier", text, "give one to four peaks in requests/s, such as 100,1000,10000,100000")
    return peaks


def _given(traffic: Trace, source: str, world: World, measured: str) -> str:
    instance = world.instance
    return (
        f"trace: {source}, {traffic.requests:,.0f} requests in {traffic.seconds / 3600:,.2f} h, "
        f"peak {traffic.peak:,.4g}/s\ninstance ({measured}): {instance.rate:,.4g}/s "
        f"({instance.workers} x {instance.times.mean * 1000:.3g} ms), "
        f"starts in {world.start_s:g} s, {world.routing} routing"
    )


def _plan(plan: Plan) -> str:
    parts = [f"min {plan.least}, max {plan.most}"]
    tracked = [policy for policy in plan.policies if isinstance(policy, TargetTracking)]
    parts += [f"{policy.metric.name} target {policy.target:g}" for policy in tracked]
    if tracked:
        parts.append(f"cooldown in {tracked[0].in_cooldown_s:g} s out {tracked[0].out_cooldown_s:g} s")
    return ", ".join(parts)


def _told(outcome: Outcome, price: float | None) -> str:
    times = ", ".join(
        f"{name} {_ms(value)}"
        for name, value in (("p50", outcome.p50_ms), ("p95", outcome.p95_ms), ("p99", outcome.p99_ms))
    )
    cost = f" ({outcome.instance_hours * price:,.2f} at {price:g}/h)" if price is not None else ""
    return (
        f"{times}, {outcome.refused + outcome.late:,.0f} dropped ({outcome.dropped_share:.3%}), "
        f"{outcome.instance_hours:,.1f} instance hours{cost}, at most {outcome.most_in_service} in service, "
        f"{len(outcome.activities)} scaling activities [{outcome.engine}]"
    )


def _over(outcome: Outcome, p95_ms: float) -> str:
    # A day's p95 forgives an hour's: this says how long it was bad.
    return f"missed in {outcome.seconds_over(p95_ms) / 60:,.1f} of {len(outcome.moments) / 6:,.0f} minutes"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f} ms"


def _write(out: Path | None, document: dict[str, Any], picture: str | None, name: str = "scaling") -> None:
    if out is None:
        return
    write_json(out / f"{name}.json", document)
    if picture is not None:
        write_text(out / f"{name}.svg", picture)
    print(f"wrote {out / name}.json" + (f" and {name}.svg" if picture is not None else ""))


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("loadtest.simulation", __doc__)
    parser.add_argument(
        "--trace", type=Path, help="CSV of time,rate, or JSON Lines of requests (default: a made-up day)"
    )
    parser.add_argument("--peak-rps", type=float, help="scale the trace to this peak")
    parser.add_argument("--out", type=Path, help="folder for the figures (JSON) and the plot (SVG)")
    parser.add_argument("--price", type=float, help="price of an instance hour, for the cost")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same requests (default: 0)")
    parser.add_argument("--engine", choices=("auto", "exact", "fluid"), default="auto", help="auto: exact to 2 million")
    parser.add_argument("--slo-p95-ms", type=float, help="95th percentile limit in ms (default: the workload's)")
    parser.add_argument("--slo-dropped", type=float, default=0.001, help="share that may be dropped (default: 0.001)")
    does = parser.add_argument_group("instead of one plan")
    does.add_argument("--search", action="store_true", help="find the cheapest plan that keeps the objective")
    does.add_argument("--frontier", metavar="PEAKS", help="draw cost against p95 at up to four peaks, requests/s")
    plan = parser.add_argument_group("plan")
    plan.add_argument("--env", help="take limits, target and cooldowns from this environment's settings")
    plan.add_argument("--workload", default="vehicles", help="workload in its settings (default: vehicles)")
    plan.add_argument("--min", type=int, help="fewest instances")
    plan.add_argument("--max", type=int, help="most instances")
    plan.add_argument("--metric", choices=("invocations", "concurrency"), default="invocations", help="what is tracked")
    plan.add_argument("--target", type=float, help="per instance: invocations a minute, or requests inside")
    plan.add_argument("--in-cooldown-s", type=float, help="scale-in cooldown (default: 300)")
    plan.add_argument("--out-cooldown-s", type=float, help="scale-out cooldown (default: 120)")
    plan.add_argument("--fixed", action="store_true", help="no scaling: --max instances all the time")
    plan.add_argument(
        "--schedule", action="append", default=[], metavar="HH:MM=MIN:MAX", help="new limits at a time of every day"
    )
    world = parser.add_argument_group("instances")
    world.add_argument("--result", type=Path, help="load.json: service times and throughput of an instance")
    world.add_argument("--instances", type=int, help="instances that shared that load (default: as recorded, or 1)")
    world.add_argument(
        "--service-ms", type=float, help="mean service time instead (default: what the environment's target implies)"
    )
    world.add_argument(
        "--shape",
        choices=("constant", "exponential"),
        default="constant",
        help="of those (default: constant, as a model takes the same for every image of a size)",
    )
    world.add_argument("--workers", type=int, default=2, help="requests served at once by an instance (default: 2)")
    world.add_argument("--queue", type=int, default=256, help="requests that may wait in an instance (default: 256)")
    world.add_argument("--timeout-s", type=float, default=60, help="answers that take longer are lost (default: 60)")
    world.add_argument("--start-s", type=float, default=240, help="seconds of a scale-out (default: 240)")
    world.add_argument("--stop-s", type=float, default=60, help="seconds of a scale-in (default: 60)")
    world.add_argument("--delay-s", type=float, default=30, help="seconds until alarms see a metric (default: 30)")
    world.add_argument("--routing", choices=("random", "least"), help="default: the environment's, else random")
    function = parser.add_argument_group("a Lambda function instead of an endpoint")
    function.add_argument("--provisioned", metavar="MIN:MAX", help="provisioned concurrency, such as 5:50")
    function.add_argument("--reserved", type=int, help="reserved concurrency")
    function.add_argument("--duration-ms", type=float, help="mean duration of a call")
    function.add_argument("--cold-ms", type=float, default=500, help="what a cold start adds (default: 500)")
    function.add_argument("--utilisation", type=float, default=0.7, help="target of the autoscaler (default: 0.7)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
