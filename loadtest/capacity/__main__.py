"""Hold an environment's capacity settings against a load test.

    python -m loadtest.capacity --result out/load.json --env prod --workload vehicles --peak-rps 900 --trough-rps 60

finds the most that one instance does within its latency objective, derives the scaling target from it (and, with a
forecast, the instances), and compares them with terraform/environments/<env>/settings.yaml. The result of a function's
load test gives its provisioned and reserved concurrency instead.

Exit status: 0 they agree (or were written), 1 they differ by more than the tolerance, 2 bad usage, 3 nothing can be
said about the capacity.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from loadtest.capacity import compare, recommend, settings_file, steps
from loadtest.capacity.knee import Knee, KneeError, Objective, bootstrap
from loadtest.errors import LoadUsageError
from loadtest.simulation import trace

ENVIRONMENTS = Path(__file__).resolve().parents[2] / "terraform" / "environments"


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        return _run(options)
    except LoadUsageError as error:
        parser.error(str(error))
    except KneeError as error:
        print(f"no capacity can be derived: {error}", file=sys.stderr)
        return 3


def _run(options: argparse.Namespace) -> int:
    if not 0 <= options.tolerance < 1:
        raise LoadUsageError("tolerance", options.tolerance, "give a share below 1, such as 0.2")
    path = options.settings or ENVIRONMENTS / options.env / "settings.yaml"
    settings = settings_file.load(path)
    if settings_file.value_at(settings, ("workloads", options.workload)) is None:
        known = ", ".join(settings_file.value_at(settings, ("workloads",)) or {}) or "none"
        raise LoadUsageError("workload", options.workload, f"{path.name} of {options.env} has: {known}")
    result = steps.read(options.result)
    objective = Objective(options.slo_p95_ms or result.p95_ms, _first(options.slo_failures, result.failures, 0.0))
    found = _each(bootstrap(result.steps, objective, options.seed), _instances(options, result))
    forecast = _forecast(options)
    if result.kind == "function":
        rows, expected = _function(options, settings, result, found, forecast)
    else:
        rows, expected = _endpoint(options, settings, found, forecast), f"slipway-{options.env}-{options.workload}"
    notes = _notes(result, found, objective, expected, options)
    print(_headline(found, objective))
    print(compare.table(rows, options.tolerance))
    for note in notes:
        print(f"note: {note}")
    if options.json:
        _document(options.json, found, rows, options.tolerance)
    off = [row for row in rows if not row.agrees(options.tolerance)]
    if not off:
        print(f"{path}: agrees within {options.tolerance:.0%}")
        return 0
    if not options.write:
        print(f"{path}: {len(off)} of {len(rows)} differ by more than {options.tolerance:.0%}", file=sys.stderr)
        return 1
    _refuse(found, result, expected, elsewhere=options.measured_elsewhere)
    settings_file.write(path, {row.key: row.wanted for row in off})
    print(f"{path}: wrote {len(off)} values; next: make synth, then make plan ENV={options.env}")
    return 0


def _endpoint(
    options: argparse.Namespace, settings: Mapping[str, Any], found: Knee, forecast: recommend.Forecast | None
) -> list[compare.Row]:
    production = bool(settings.get("production", True))
    wanted = recommend.scaling(found.rps, forecast, safety=options.safety, growth=options.growth, production=production)
    why = {"invocations_per_instance": f"{found.rps:,.1f}/s x {options.safety:g} x 60"}
    if forecast:
        why["min"] = f"trough {forecast.trough:,.4g}/s" + (", two at least in production" if production else "")
        why["max"] = f"peak {forecast.peak:,.4g}/s + {options.growth:.0%}"
    return compare.endpoint(settings, options.workload, wanted, why)


def _function(
    options: argparse.Namespace,
    settings: Mapping[str, Any],
    result: steps.Result,
    found: Knee,
    forecast: recommend.Forecast | None,
) -> tuple[list[compare.Row], str]:
    prefix = f"slipway-{options.env}-{options.workload}-"
    aimed = result.target.split(":")[0]
    name = options.function or aimed.rsplit(f"-{options.workload}-", 1)[-1].replace("-", "_")
    known = settings_file.value_at(settings, ("workloads", options.workload, "functions")) or {}
    if name not in known:
        raise LoadUsageError("function", name, f"name one of {', '.join(known)} with --function")
    if forecast is None:
        raise LoadUsageError("forecast", None, "give --peak-rps (and --trough-rps) or --trace: concurrency follows it")
    if found.step.mean_ms is None:
        raise LoadUsageError("mean_ms", None, "take a load test that records the mean response time")
    seconds = found.step.mean_ms / 1000
    utilisation = settings_file.value_at(known[name], ("provisioned", "target_utilisation")) or 0.7
    wanted = recommend.concurrency(seconds, forecast, utilisation=utilisation)
    why = {
        "reserved": f"{forecast.peak:,.4g}/s x {seconds * 1000:.4g} ms, 99.9 % of the time, + {recommend.HEADROOM:.0%}",
        "min": f"trough {forecast.trough:,.4g}/s x {seconds * 1000:.4g} ms + {recommend.HEADROOM:.0%}",
        "max": f"peak at {utilisation:.0%} utilisation + {recommend.HEADROOM:.0%}",
    }
    return compare.function(settings, options.workload, name, wanted, why), prefix + name.replace("_", "-")


def _instances(options: argparse.Namespace, result: steps.Result) -> int:
    """Return how many instances shared the load; a function has none."""
    count = options.instances or result.instances or 1
    if result.kind == "function":
        return 1
    if not isinstance(count, int) or count < 1:
        raise LoadUsageError("instances", count, "give how many instances shared the load, 1 or more")
    return count


def _each(knee: Knee, instances: int) -> Knee:
    low, high = (None if bound is None else bound / instances for bound in (knee.low, knee.high))
    return replace(knee, rps=knee.rps / instances, low=low, high=high)


def _forecast(options: argparse.Namespace) -> recommend.Forecast | None:
    if options.trace:
        if options.peak_rps is not None or options.trough_rps is not None:
            raise LoadUsageError("trace", str(options.trace), "give either --trace or --peak-rps, not both")
        rates = sorted(trace.read(options.trace, 60.0).rates)
        return recommend.Forecast(float(rates[len(rates) // 20]), float(rates[-1]))
    if options.peak_rps is None:
        if options.trough_rps is not None:
            raise LoadUsageError("trough-rps", options.trough_rps, "give --peak-rps as well")
        return None
    return recommend.Forecast(options.trough_rps or 0.0, options.peak_rps)


def _notes(
    result: steps.Result, found: Knee, objective: Objective, expected: str, options: argparse.Namespace
) -> list[str]:
    notes = []
    if not found.reached:
        notes.append("the test ended before the capacity did: the figures are lower bounds, more load would tell more")
    if objective.p95_ms is None:
        notes.append("no latency objective was given (--slo-p95-ms): only failures and flat throughput end a step")
    if len(result.steps) == 1:
        notes.append("one level of load was measured; a stairs run finds the knee between levels")
    if result.target.split(":")[0] != expected:
        notes.append(f"measured against {result.target or 'an unnamed target'}, not {expected}: other instances differ")
    if result.kind != "function" and not (options.instances or result.instances):
        notes.append("taken as one instance's: give --instances when several shared the load")
    if result.kind != "function" and options.peak_rps is None and options.trace is None:
        notes.append("min and max were not judged: give --peak-rps and --trough-rps, or --trace")
    return notes


def _refuse(found: Knee, result: steps.Result, expected: str, *, elsewhere: bool) -> None:
    """Write nothing that was not measured."""
    if not found.reached:
        raise LoadUsageError("write", "a lower bound", "measure until the knee is reached before writing it")
    if result.target.split(":")[0] != expected and not elsewhere:
        remedy = f"measure {expected}, or give --measured-elsewhere when its instances are of the same type"
        raise LoadUsageError("write", result.target, remedy)


def _headline(found: Knee, objective: Objective) -> str:
    reasons = {
        "latency": f"p95 passes {objective.p95_ms:g} ms" if objective.p95_ms else "",
        "failures": "requests fail",
        "flat": "throughput is flat",
        "not reached": "not reached",
    }
    interval = "" if found.low is None else f" (95 % interval {found.low:,.1f} to {found.high:,.1f})"
    return f"knee of one instance: {found.rps:,.1f} requests/s{interval}, {reasons[found.reason]}"


def _document(path: Path, found: Knee, rows: Sequence[compare.Row], tolerance: float) -> None:
    knee = {"rps": found.rps, "low": found.low, "high": found.high, "reason": found.reason, "reached": found.reached}
    settings = [
        {"key": ".".join(row.key), "now": row.now, "wanted": row.wanted, "agrees": row.agrees(tolerance)}
        for row in rows
    ]
    path.write_text(json.dumps({"knee": knee, "settings": settings}, indent=1) + "\n", encoding="utf-8")


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)


def _parser() -> argparse.ArgumentParser:
    first, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.capacity",
        description=first,
        epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--result", type=Path, required=True, help="load.json of one run, or of a stairs run")
    parser.add_argument("--env", required=True, help="environment: dev, staging, prod or rehearsal")
    parser.add_argument("--workload", default="vehicles", help="workload in its settings (default: vehicles)")
    parser.add_argument("--function", help="function in its settings (default: by the name that was loaded)")
    parser.add_argument("--settings", type=Path, help="settings file (default: the environment's)")
    parser.add_argument("--instances", type=int, help="instances that shared the load (default: as recorded, or 1)")
    parser.add_argument("--slo-p95-ms", type=float, help="latency objective (default: what the load test was given)")
    parser.add_argument("--slo-failures", type=float, help="failed share that is allowed (default: as above, or 0)")
    parser.add_argument("--safety", type=float, default=recommend.SAFETY, help="part of the knee to use (default: 0.5)")
    parser.add_argument("--peak-rps", type=float, help="forecast: requests/s in the busiest minute")
    parser.add_argument("--trough-rps", type=float, help="forecast: requests/s in a quiet minute")
    parser.add_argument("--trace", type=Path, help="forecast from recorded traffic: CSV time,rate or JSON Lines")
    parser.add_argument("--growth", type=float, default=0.25, help="part of the peak to add (default: 0.25)")
    parser.add_argument("--tolerance", type=float, default=compare.TOLERANCE, help="difference allowed (default: 0.2)")
    parser.add_argument("--seed", type=int, default=0, help="of the resampling behind the interval (default: 0)")
    parser.add_argument("--json", type=Path, help="write knee and comparison here too")
    parser.add_argument("--write", action="store_true", help="set what differs in the settings file")
    parser.add_argument("--measured-elsewhere", action="store_true", help="write although another target was measured")
    return parser


if __name__ == "__main__":
    sys.exit(main())
