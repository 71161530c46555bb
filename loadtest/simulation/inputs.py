"""From the command line, a load test and an environment's settings to what is simulated."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from loadtest.capacity import settings_file, steps
from loadtest.errors import LoadUsageError
from loadtest.simulation import service, trace
from loadtest.simulation.fleet import Plan, World
from loadtest.simulation.functions import Function
from loadtest.simulation.scaling import METRICS, Scheduled, TargetTracking

ENVIRONMENTS = Path(__file__).resolve().parents[2] / "terraform" / "environments"
DAY_S = 86_400.0
_SCHEDULE = re.compile(r"(\d{1,2}):(\d{2})=(\d+):(\d+)")


def traffic(options: argparse.Namespace) -> trace.Trace:
    """Return the trace, scaled to `--peak-rps`."""
    found = trace.read(options.trace)
    if options.peak_rps is None:
        return found
    if not found.peak:
        raise LoadUsageError("peak-rps", options.peak_rps, "a trace without requests cannot be scaled")
    return found.scaled(options.peak_rps / found.peak)


def world(options: argparse.Namespace) -> World:
    """Return the instances: from a load test, or from the figures given."""
    if (options.result is None) == (options.service_ms is None):
        raise LoadUsageError("result", None, "say how long requests take: --result load.json, or --service-ms")
    if options.workers < 1:
        raise LoadUsageError("workers", options.workers, "give the requests that an instance serves at once")
    if options.result is not None:
        times = _measured(options)
    elif options.shape == "constant":
        times = service.constant(options.service_ms / 1000)
    else:
        times = service.exponential(options.service_ms / 1000)
    instance = service.Instance(times, options.workers, options.queue, options.timeout_s)
    return World(instance, options.start_s, options.stop_s, options.delay_s, options.routing)


def _measured(options: argparse.Namespace) -> service.ServiceTimes:
    """Take the shape of the least load, where nothing waits, and the mean that the most throughput tells."""
    result = steps.read(options.result)
    shaped = [step for step in result.steps if step.histogram]
    if not shaped:
        raise LoadUsageError("result", str(options.result), "take a load test that recorded its histogram")
    shape = service.measured(shaped[0].histogram)
    most = max(step.goodput for step in result.steps) / (options.instances or result.instances or 1)
    if most <= 0:
        raise LoadUsageError("result", str(options.result), "take a load test that was answered")
    return shape.scaled(options.workers / most)


def plan(options: argparse.Namespace, traffic: trace.Trace) -> tuple[Plan, str]:
    """Return the plan and where it comes from: an environment's settings, each figure given on the command line first.

    It begins with what the target asks for at the trace's first rate, as a fleet that is up already would.
    """
    found = _settings(options) if options.env else {}
    least, most = _pick(options.min, found, "min"), _pick(options.max, found, "max")
    target = _pick(options.target, found, "invocations_per_instance")
    if least is None or most is None:
        raise LoadUsageError("min, max", f"{least}, {most}", "give --min and --max, or --env")
    if options.fixed:
        return Plan(least, most, (), schedule(options), most), "fixed"
    if options.metric == "concurrency" and options.target is None:
        raise LoadUsageError("target", None, "give --target: requests inside one instance")
    if target is None:
        raise LoadUsageError("target", None, "give --target: invocations per instance and minute; or --env, or --fixed")
    inwards = _pick(options.in_cooldown_s, found, "scale_in_cooldown_s", 300)
    outwards = _pick(options.out_cooldown_s, found, "scale_out_cooldown_s", 60)
    policy = TargetTracking(METRICS[options.metric], float(target), float(inwards), float(outwards))
    begin = None
    if options.metric == "invocations":
        begin = -(-float(traffic.rates[0]) * 60 // float(target))
    begun = replace(
        Plan(least, most, (policy,), schedule(options)), begin=None if begin is None else max(1, int(begin))
    )
    left_out = found.get("schedules") and not options.schedule
    source = f"{options.env} settings" if options.env else "command line"
    return begun, source + (", without its schedules: give them with --schedule" if left_out else "")


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
