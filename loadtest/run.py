"""Load-test a deployed endpoint, function or workflow and judge it against its objective.

    python -m loadtest.run --endpoint slipway-dev-vehicles --images images/ --users 8 --seconds 12 --out out/

Exit status: 0 objective kept, 1 objective broken, 2 bad usage, 3 the generator itself failed or was too slow to judge,
130 interrupted.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.session import Session

from loadtest import options, trends, watch
from loadtest.errors import LoadGeneratorError, LoadUsageError
from loadtest.files import write_json
from loadtest.generator import Address, Report, generate, help_out
from loadtest.payloads import read_events, read_images
from loadtest.plan import Plan
from loadtest.progress import Progress, ms
from loadtest.slo import Slo, Verdict, blameless, judge, tired
from loadtest.targets import require
from loadtest.watch import Note

REMEDY = "add --workers, run it on a larger or quieter machine, or send less"


@dataclass(frozen=True)
class Setting:
    """What a run needs beside its plan.

    Attributes
    ----------
    out
        Folder for `load.json` and logs.
    env
        Environment of the generator; this process's own by default.
    master
        Where workers on other machines connect to.
    alarms
        Prefix of the names of CloudWatch alarms to look at.
    scaling
        Ask what scaled the endpoint.
    """

    out: Path
    env: Mapping[str, str] | None = None
    master: Address | None = None
    alarms: str | None = None
    scaling: bool = False


def measure(
    plan: Plan, slo: Slo, setting: Setting, on_report: Callable[[Report], None], note: Note
) -> tuple[dict[str, Any], Verdict]:
    """Run a plan, judge it, write `out/load.json`, and return what was written with the verdict.

    Parameters
    ----------
    on_report, note
        Shown to whoever waits: the generator's reports, and lines that stay.

    Raises
    ------
    LoadGeneratorError
        Nothing was measured. `load.json` is then not written, and an earlier one is gone.
    """
    setting.out.mkdir(parents=True, exist_ok=True)
    document = setting.out / "load.json"
    document.unlink(missing_ok=True)
    result = _watched(plan, setting, on_report, note)
    judged = result if result["judged_step"] is None else result["steps"][result["judged_step"]]
    verdict = judge(judged, slo)
    unfit = weakness(plan, result, judged, verdict)
    shown = trends.of(plan.shape.name, result, slo.p95_ms)
    measured = {**facts(plan), **result, **shown, "unfit": unfit, "slo": verdict.document()}
    if unfit:
        measured["slo"]["passed"] = None
    write_json(document, measured)
    return measured, verdict


def _watched(plan: Plan, setting: Setting, on_report: Callable[[Report], None], note: Note) -> Report:
    """Run a plan; each sample says what was seen of the endpoint meanwhile."""
    endpoint = plan.kind == "endpoint"
    session = Session()
    ways = watch.looks(session, plan.target, setting.alarms) if endpoint else {}
    begun: list[float] = []
    with watch.watching(ways, note) as seen:

        def report(one: Report) -> None:
            if one["kind"] == "warm":
                begun.append(time.time())
            elif one["kind"] == "sample":
                one |= {"instances": None, **seen}
            on_report(one)

        result = generate(plan, setting.out / "locust.log", report, setting.env, setting.master)
    if endpoint:
        known = [sample["instances"] for sample in result["samples"] if sample["instances"] is not None]
        result["instances"] = known[0] if known else None
        if setting.scaling:
            result["scaling"] = watch.activities(session, plan.target, begun[0], note)
    return result


def foresee(plan: Plan) -> None:
    """Raise LoadUsageError for what would fail in the generator: payloads, region, credentials."""
    (read_images if plan.kind == "endpoint" else read_events)(plan.payloads)
    require(Session())


def facts(plan: Plan) -> dict[str, Any]:
    """Return what `load.json` says about the test itself."""
    closed = plan.arrivals == "closed"
    return {
        "kind": plan.kind,
        "target": plan.target,
        "shape": plan.shape.name,
        "arrivals": "closed" if closed else "open",
        "process": None if closed else plan.arrivals,
        "users": int(plan.shape.most) if closed else None,
        "rate": None if closed else plan.shape.most,
        "seed": plan.seed,
        "warmup_s": plan.warmup_s,
        "workers": plan.processes,
        "batch": list(plan.batch),
    }


def weakness(plan: Plan, result: Mapping[str, Any], judged: Mapping[str, Any], verdict: Verdict) -> str | None:
    """Say why nothing can be said about the target, as the generator was not fit; None when it was.

    A tired generator only ever makes a target look worse. So it takes nothing from a kept objective, unless arrivals
    were promised at times that it then did not keep.
    """
    if result["stopped"] == "generator":
        # Answers that came after the step may have changed its figures, but not why it was the last.
        return tired(result["steps"][-1], plan.max_lag_ms) or "it was too slow for the last step"
    late = plan.arrivals != "closed" and (judged["lag_p99_ms"] or 0) > plan.max_lag_ms
    doubtful = late if verdict.passed else blameless(judged, verdict)
    return tired(judged, plan.max_lag_ms) if doubtful else None


def summary(measured: Mapping[str, Any], verdict: Verdict) -> str:
    """Return the one line that says what was measured and how it was judged."""
    number = measured["judged_step"]
    judged = measured if number is None else measured["steps"][number]
    figures = " ".join(f"{name[:-3]} {ms(judged[name])}" for name in ("p50_ms", "p95_ms", "p99_ms"))
    line = f"{measured['target']}: {judged['requests']:,} requests, {judged['rps']:,.0f}/s, {figures}, "
    line += f"{judged['failures']:,} failed"
    if number is not None:
        load = f"{judged['users']} users" if "users" in judged else f"{judged['rate']:g} arrivals/s"
        line = f"{line}, at {load} of {len(measured['steps'])} steps (ended: {measured['stopped']})"
    if "recovered_s" in measured:
        after = measured["recovered_s"]
        line += f", recovered {'not at all' if after is None else f'{after:g} s after the spike'}"
    if measured.get("drift") is not None:
        line += f", p95 {measured['drift']:+.0%} from the first part to the last"
    if measured["unfit"]:
        return f"{line}; NOT JUDGED: the generator is the bottleneck, {measured['unfit']}"
    line += f"; objective {'kept' if verdict.passed else 'BROKEN'}"
    broken = [f"{c.name} {_figure(c.actual)} (limit {_figure(c.limit)})" for c in verdict.checks if not c.passed]
    return f"{line}: {', '.join(broken)}" if broken else line


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = options.parser()
    given = parser.parse_args(argv)
    try:
        plan, slo, master = options.plan(given), options.objective(given), options.master(given)
        foresee(plan)
        helps = Address.parse("worker-of", given.worker_of) if given.worker_of else None
    except LoadUsageError as error:
        parser.error(str(error))
    # A terminated test ends like an interrupted one: the generator must never outlive it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    progress = Progress(sys.stderr, plan.shape.longest_s, master.host if master else None)
    setting = Setting(given.out, None, master, given.alarms, given.scaling)
    try:
        if helps:
            given.out.mkdir(parents=True, exist_ok=True)
            help_out(plan, helps, given.out / "locust.log")
            return 0
        progress.note("starting Locust" + (f" with {plan.workers} workers" if plan.workers else ""))
        measured, verdict = measure(plan, slo, setting, progress, progress.note)
    except LoadGeneratorError as error:
        progress.end()
        print(f"load test failed: {error}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        progress.end()
        print("load test interrupted, nothing written", file=sys.stderr)
        return 130
    progress.end()
    print(summary(measured, verdict))
    for kind in measured["errors"][:3]:
        print(f"  {_told(kind)}", file=sys.stderr)
    if not measured["requests"]:
        for kind in measured["warmup"]["errors"][:3]:
            print(f"  in the warm-up: {_told(kind)}", file=sys.stderr)
    if measured["unfit"]:
        print(f"remedy: {REMEDY}", file=sys.stderr)
        return 3
    return 0 if verdict.passed else 1


def _told(error: Mapping[str, Any]) -> str:
    cause, text = error["cause"], error["error"]
    return f"{error['count']:,} x {text if text.startswith(cause) else f'{cause}: {text}'}"


def _figure(value: float | None) -> str:
    return "not measured" if value is None else f"{value:g}"


if __name__ == "__main__":
    sys.exit(main())
