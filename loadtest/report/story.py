"""The head of the page, and how the test was made: what a reader must know before believing a figure."""

from __future__ import annotations

from typing import Any

from loadtest.report.levels import name_of
from loadtest.report.record import Load
from loadtest.report.values import count, duration, mapping, milliseconds, number, percent, text

SHAPES = {
    "steady": "one level of load",
    "stairs": "load that rises step by step until the capacity ends",
    "spike": "a sudden multiple of the usual load, and back",
    "soak": "one level of load for long",
    "replay": "recorded traffic, at its own times",
}
ARRIVALS = {
    "closed": "closed, each user waits for its answer before it sends again, so a slow target is asked less often",
    "open": "open, requests leave at set times whatever the answers do, and latency counts from the time that was set",
}
STOPPED = {
    "finished": "as planned",
    "flat": "more load brought no more throughput",
    "slo": "the latency objective was broken",
    "failures": "requests failed",
    "generator": "the generator itself was the bottleneck",
}


def head(load: Load) -> dict[str, Any]:
    """Return verdict, target and the few figures worth reading first."""
    slo, unfit = load.objective, text(load.facts.get("unfit"), 300)
    verdicts = {"True": "Objective kept", "False": "Objective broken"}
    verdict = verdicts.get(text(slo.get("passed")), "Not judged" if unfit else "Load test without an objective")
    return {
        "verdict": verdict,
        "kind": "function" if text(load.facts.get("kind")) == "function" else "endpoint",
        "target": text(load.facts.get("target"), 120) or "unknown target",
        "ended": text(load.facts.get("ended"), 40),
        "unfit": unfit,
        "embedded": load.capacity.get("binding") is False,
        "facts": [fact for fact in _key_figures(load) if fact["value"] not in {"", "–"}],
    }


def method(load: Load) -> list[tuple[str, str]]:
    """Return how it was measured, as pairs of words."""
    facts = load.facts
    shape, arrivals, stopped = (text(facts.get(name), 60) for name in ("shape", "arrivals", "stopped"))
    workers, steps = number(facts.get("workers")), len(load.steps)
    seconds = sum(number(step.get("seconds")) or 0.0 for step in load.steps)
    warmup = number(facts.get("warmup_s"))
    pairs = [
        ("shape", SHAPES.get(shape, shape) + (f", {steps} levels" if steps > 1 else "")),
        ("arrivals", ARRIVALS.get(arrivals, arrivals)),
        ("measured", duration(seconds)),
        ("left out", f"{duration(warmup)} of warm-up" if warmup else "nothing: there was no warm-up"),
        ("ended", STOPPED.get(stopped, stopped)),
        ("judged", f"the level of {name_of(load.judged)}" if load.judged is not facts else ""),
        ("seed", count(number(facts.get("seed"))) if number(facts.get("seed")) is not None else ""),
        ("generator", "" if workers is None else f"{count(workers)} process{'es' if workers != 1 else ''}"),
        ("its health", _health(facts)),
    ]
    return [(name, value) for name, value in pairs if value]


def _key_figures(load: Load) -> list[dict[str, str]]:
    facts, found = load.facts, mapping(load.capacity.get("knee"))
    rps, aim = number(found.get("rps")), number(load.capacity.get("target"))
    requests, failures = number(facts.get("requests")), number(facts.get("failures"))
    latency = number(load.capacity.get("p95_at_target_ms"))
    several = len(load.steps) > 1
    figures = [
        ("knee of one instance", "" if rps is None else f"{rps:,.4g}/s", _interval(found)),
        ("recommended target", count(aim), "invocations per instance and minute"),
        ("p95 at that target", milliseconds(latency), _limit(load)),
        ("95th percentile", "" if several else milliseconds(number(facts.get("p95_ms"))), _limit(load)),
        ("requests", count(requests), f"{len(load.steps)} levels of load" if several else _rate(facts)),
        ("failed", count(failures), percent(failures / requests, 3) if requests and failures is not None else ""),
    ]
    return [{"name": name, "value": value, "note": note} for name, value, note in figures]


def _interval(found: dict[str, Any]) -> str:
    low, high = number(found.get("low")), number(found.get("high"))
    if found and found.get("reached") is not True:
        return "at least: the test ended before it"
    return "" if low is None or high is None else f"95 % interval {low:,.4g} to {high:,.4g}"


def _limit(load: Load) -> str:
    return f"objective {load.p95_ms:g} ms" if load.p95_ms else "no objective"


def _rate(facts: dict[str, Any]) -> str:
    return f"{count(number(facts.get('rps')))}/s"


def _health(facts: dict[str, Any]) -> str:
    cpu, lag = number(facts.get("cpu_share")), number(facts.get("lag_p99_ms"))
    said = [] if cpu is None else [f"{percent(cpu, 0)} of a processor at its busiest"]
    if lag is not None:
        said.append(f"{milliseconds(lag)} late to its own work (99th percentile of the worst level)")
    return ", ".join(said)
