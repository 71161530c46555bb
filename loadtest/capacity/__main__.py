"""Hold an environment's capacity settings against a load test.

    python -m loadtest.capacity --result out/load.json --env prod --workload vehicles --peak-rps 900 --trough-rps 60

finds the most that one instance does within its latency objective, derives the scaling target from it (and, with a
forecast, the instances), and compares them with terraform/environments/<env>/settings.yaml. The result of a function's
load test gives its provisioned and reserved concurrency instead.

Exit status: 0 they agree (or were written, or belong to the rehearsal), 1 they differ by more than the tolerance, 2 bad
usage, 3 nothing can be said about the capacity.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from loadtest import cli
from loadtest.capacity import compare, instances, recommend, settings_file, steps, told
from loadtest.capacity.knee import Knee, KneeError, Objective, bootstrap
from loadtest.errors import LoadUsageError
from loadtest.simulation import trace

ENVIRONMENTS = Path(__file__).resolve().parents[2] / "terraform" / "environments"
PRETENDED = frozenset({"rehearsal"})
"""Environments whose instances are processes of whatever machine they run on: what those do binds nobody."""


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
    measured, notes = instances.each(result, options.instances)
    found = bootstrap(measured, objective, options.seed)
    if result.unfit:  # whatever ended the test, it was not the target's capacity
        found = replace(found, reason="not reached")
    forecast = _forecast(options)
    if result.kind == "function":
        rows, expected = _function(options, settings, result, found, forecast)
    else:
        rows, expected = _endpoint(options, settings, found, forecast), f"slipway-{options.env}-{options.workload}"
    notes += told.notes(result, found, objective, expected)
    if result.kind != "function":
        notes += _unjudged(options, settings, found)
    print(told.headline(found, objective))
    print(compare.table(rows, options.tolerance))
    for note in notes:
        print(f"note: {note}")
    if options.json:
        count = instances.most(result.steps, options.instances, result.instances)
        facts = {"environment": options.env, "binding": options.env not in PRETENDED, "notes": notes}
        told.write(options.json, found, measured, rows, instances=count, safety=options.safety,
                   tolerance=options.tolerance, kind=result.kind, **facts)  # fmt: skip
    off = [row for row in rows if not row.agrees(options.tolerance)]
    if not off:
        print(f"{path}: agrees within {options.tolerance:.0%}")
        return 0
    if options.write:
        _refuse(found, result, expected, elsewhere=options.measured_elsewhere)
        settings_file.write(path, {row.key: row.wanted for row in off})
        print(f"{path}: wrote {len(off)} values; next: make synth, then make plan ENV={options.env}")
        return 0
    print(f"{path}: {len(off)} of {len(rows)} differ by more than {options.tolerance:.0%}", file=sys.stderr)
    if options.env in PRETENDED:
        print(f"{options.env}: for information only, its instances are processes of this machine", file=sys.stderr)
        return 0
    return 1


def _endpoint(
    options: argparse.Namespace, settings: Mapping[str, Any], found: Knee, forecast: recommend.Forecast | None
) -> list[compare.Row]:
    production = bool(settings.get("production", True))
    mean_ms = found.step.mean_ms
    wanted = recommend.scaling(
        found.rps,
        forecast,
        mean_s=mean_ms / 1000 if mean_ms else None,
        safety=options.safety,
        growth=options.growth,
        production=production,
    )
    why = {"invocations_per_instance": f"{found.rps:,.1f}/s x {options.safety:g} x 60"}
    if mean_ms:
        why[compare.INSIDE] = f"{found.rps:,.1f}/s x {mean_ms:,.4g} ms x {options.safety:g}"
    if forecast:
        why["min"] = f"trough {forecast.trough:,.4g}/s" + (", two at least in production" if production else "")
        why["max"] = f"peak {forecast.peak:,.4g}/s + {options.growth:.0%}"
    return compare.endpoint(settings, options.workload, wanted, why)


def _unjudged(options: argparse.Namespace, settings: Mapping[str, Any], found: Knee) -> list[str]:
    """Say what was measured, or could be, and is not in the table."""
    notes = []
    set_now = settings_file.value_at(settings, ("workloads", options.workload, "endpoint", "scaling", compare.INSIDE))
    if set_now is None and found.step.mean_ms:
        busy = recommend.inside(found.rps, found.step.mean_ms / 1000, options.safety)
        notes.append(f"{compare.INSIDE}: {busy} would also let the fleet grow within half a minute of a queue")
    if options.peak_rps is None and options.trace is None:
        notes.append("min and max were not judged: give --peak-rps and --trough-rps, or --trace")
    return notes


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


def _refuse(found: Knee, result: steps.Result, expected: str, *, elsewhere: bool) -> None:
    """Write nothing that was not measured."""
    if not found.reached:
        raise LoadUsageError("write", "a lower bound", "measure until the knee is reached before writing it")
    if result.target.split(":")[0] != expected and not elsewhere:
        remedy = f"measure {expected}, or give --measured-elsewhere when its instances are of the same type"
        raise LoadUsageError("write", result.target, remedy)


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("loadtest.capacity", __doc__)
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
