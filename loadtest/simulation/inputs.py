"""From the command line, a load test and an environment's settings to what is simulated."""

from __future__ import annotations

import argparse
import math
import re
from pathlib import Path
from typing import Any

from loadtest.capacity import instances, settings_file, steps
from loadtest.capacity.recommend import SAFETY
from loadtest.errors import LoadUsageError
from loadtest.simulation import service, trace
from loadtest.simulation.fleet import Plan, World
from loadtest.simulation.functions import Function
from loadtest.simulation.made_up import daily
from loadtest.simulation.scaling import INVOCATIONS, METRICS, Scheduled, TargetTracking
from loadtest.workload import promise

ENVIRONMENTS = Path(__file__).resolve().parents[2] / "terraform" / "environments"
DAY_S = 86_400.0
TARGETS = {"invocations": "invocations_per_instance", "concurrency": "concurrent_requests_per_model"}
BUSY, BUSY_UNKNOWN = 0.8, 100.0
_SCHEDULE = re.compile(r"(\d{1,2}):(\d{2})=(\d+):(\d+)")


def traffic(options: argparse.Namespace) -> tuple[trace.Trace, str]:
    """Return the trace, scaled to `--peak-rps`, and where it comes from; a made-up day when none is given."""
    if options.trace is None:
        peak = options.peak_rps or _busy(options)
        if not (math.isfinite(peak) and peak > 0):
            raise LoadUsageError("peak-rps", peak, "give a number above 0")
        day = daily(1.0, 0.1, spikes=3, seed=options.seed)
        return day.scaled(peak / day.peak), "a made-up day"
    found = trace.read(options.trace)
    if options.peak_rps is None:
        return found, str(options.trace)
    if not found.peak:
        raise LoadUsageError("peak-rps", options.peak_rps, "a trace without requests cannot be scaled")
    return found.scaled(options.peak_rps / found.peak), f"{options.trace}, scaled"


def _busy(options: argparse.Namespace) -> float:
    """Return a peak that keeps most of an environment's instances busy, so that there is something to see."""
    found = _settings(options) if options.env else {}
    most, target = _pick(options.max, found, "max"), _pick(options.target, found, "invocations_per_instance")
    return BUSY * most * target / 60 if most and target and options.metric == "invocations" else BUSY_UNKNOWN


def world(options: argparse.Namespace) -> tuple[World, str]:
    """Return the instances and where they come from: a load test, the figures given, or what the settings imply."""
    if options.result is not None and options.service_ms is not None:
        raise LoadUsageError("result", str(options.result), "give either --result or --service-ms, not both")
    if options.workers < 1:
        raise LoadUsageError("workers", options.workers, "give the requests that an instance serves at once")
    times, source = _times(options)
    instance = service.Instance(times, options.workers, options.queue, options.timeout_s)
    routing = options.routing or _routing(options)
    return World(instance, options.start_s, options.stop_s, options.delay_s, routing), source


def objective(options: argparse.Namespace) -> float:
    """Return the limit of p95 in ms: the one given, else the workload's own."""
    given: float | None = options.slo_p95_ms
    return promise(options.workload).p95_ms if given is None else given


def _routing(options: argparse.Namespace) -> str:
    """Return how requests are sent to instances: as the environment says, and by chance as SageMaker's default."""
    if not options.env:
        return "random"
    key = ("workloads", options.workload, "endpoint", "routing")
    found = settings_file.value_at(settings_file.load(ENVIRONMENTS / options.env / "settings.yaml"), key)
    return "random" if found == "RANDOM" else "least"


def _times(options: argparse.Namespace) -> tuple[service.ServiceTimes, str]:
    shapes = {"constant": service.constant, "exponential": service.exponential}
    if options.result is not None:
        return _measured(options), f"as measured in {options.result}"
    if options.service_ms is not None:
        return shapes[options.shape](options.service_ms / 1000), "as given"
    target = (_settings(options) if options.env else {}).get(TARGETS["invocations"])
    if not target:
        remedy = "say how long requests take: --result load.json (make loadtest writes one), or --service-ms"
        raise LoadUsageError("result", None, remedy)
    knee = target / 60 / SAFETY
    return shapes[options.shape](options.workers / knee), f"of which the target of {options.env} is {SAFETY:g}"


def _measured(options: argparse.Namespace) -> service.ServiceTimes:
    """Take the shape of the least load, where nothing waits, and the mean that the most throughput tells."""
    result = steps.read(options.result)
    alone, _ = instances.each(result, options.instances)
    shaped = [step for step in alone if step.histogram]
    if not shaped:
        raise LoadUsageError("result", str(options.result), "take a load test that recorded its histogram")
    shape = service.measured(shaped[0].histogram)
    most = max(step.goodput for step in alone)
    if most <= 0:
        raise LoadUsageError("result", str(options.result), "take a load test that was answered")
    return shape.scaled(options.workers / most)


def plan(options: argparse.Namespace, traffic: trace.Trace) -> tuple[Plan, str]:
    """Return the plan and where it comes from: an environment's settings, each figure given on the command line first.

    It begins with what the target asks for at the trace's first rate, as a fleet that is up already would.
    """
    found = _settings(options) if options.env else {}
    least, most = _pick(options.min, found, "min"), _pick(options.max, found, "max")
    if least is None or most is None:
        raise LoadUsageError("min, max", f"{least}, {most}", "give --min and --max, or --env")
    if options.fixed:
        return Plan(least, most, (), schedule(options), most), "fixed"
    policies = _policies(options, found)
    # A fleet that is up already, as many as the target asks for at the first rate.
    begin = next((-(-float(traffic.rates[0]) * 60 // p.target) for p in policies if p.metric is INVOCATIONS), None)
    begun = Plan(least, most, policies, schedule(options), begin=None if begin is None else max(1, int(begin)))
    left_out = found.get("schedules") and not options.schedule
    source = f"{options.env} settings" if options.env else "command line"
    return begun, source + (", without its schedules: give them with --schedule" if left_out else "")


def _policies(options: argparse.Namespace, found: dict[str, Any]) -> tuple[TargetTracking, ...]:
    """Return what is tracked: the metric and target given, else all that the environment tracks."""
    inwards = float(_pick(options.in_cooldown_s, found, "scale_in_cooldown_s", 300))
    outwards = float(_pick(options.out_cooldown_s, found, "scale_out_cooldown_s", 120))
    if options.target is not None:
        targets = {options.metric: options.target}
    elif options.metric == "concurrency":
        targets = {"concurrency": found.get(TARGETS["concurrency"])}
    else:
        targets = {name: found.get(key) for name, key in TARGETS.items()}
    tracked = {name: float(value) for name, value in targets.items() if value is not None}
    if not tracked:
        what = "requests inside an instance" if options.metric == "concurrency" else "invocations per instance a minute"
        raise LoadUsageError("target", None, f"give --target ({what}), or --env, or --fixed")
    return tuple(TargetTracking(METRICS[name], target, inwards, outwards) for name, target in tracked.items())


def function(options: argparse.Namespace) -> Function:
    """Return the Lambda function."""
    least, most = _pair(options.provisioned, "provisioned")
    if options.duration_ms is None or options.reserved is None:
        raise LoadUsageError("function", options.provisioned, "give --duration-ms and --reserved too")
    return Function(
        duration_s=options.duration_ms / 1000,
        cold_s=options.cold_ms / 1000,
        reserved=options.reserved,
        provisioned_least=least,
        provisioned_most=most,
        utilisation=options.utilisation,
        schedule=schedule(options),
    )


def schedule(options: argparse.Namespace) -> tuple[Scheduled, ...]:
    """Return the scheduled actions: HH:MM=MIN:MAX, every day; the trace begins at 00:00."""
    actions = []
    for text in options.schedule:
        match = _SCHEDULE.fullmatch(text)
        if not match or int(match[1]) > 23 or int(match[2]) > 59:
            raise LoadUsageError("schedule", text, "write HH:MM=MIN:MAX, such as 07:30=6:40")
        at = int(match[1]) * 3600.0 + int(match[2]) * 60.0
        actions.append(Scheduled(at, int(match[3]), int(match[4]), DAY_S))
    return tuple(actions)


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    path = ENVIRONMENTS / options.env / "settings.yaml"
    found = settings_file.value_at(settings_file.load(path), ("workloads", options.workload, "endpoint", "scaling"))
    if not isinstance(found, dict):
        raise LoadUsageError("workload", options.workload, f"name a workload of {path}")
    return found


def _pick(given: Any, settings: dict[str, Any], key: str, default: Any = None) -> Any:
    return given if given is not None else settings.get(key, default)


def _pair(text: str, name: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+):(\d+)", text)
    if not match:
        raise LoadUsageError(name, text, "write MIN:MAX, such as 5:50")
    return int(match[1]), int(match[2])
