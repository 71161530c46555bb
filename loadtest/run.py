"""Load-test a deployed endpoint or function and judge it against its objective.

    python -m loadtest.run --endpoint slipway-dev-vehicles --images images/ --users 8 --seconds 12 --out out/

Exit status: 0 objective kept, 1 objective broken, 2 bad usage, 3 the generator itself failed, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from loadtest.errors import LoadGeneratorError, LoadUsageError
from loadtest.generator import Plan, Report, generate
from loadtest.slo import Slo, Verdict, judge

# Lines of progress that a log gets from one run, however long it is.
PLAIN_PROGRESS_LINES = 30


def measure(
    plan: Plan,
    slo: Slo,
    out: Path,
    on_report: Callable[[Report], None] | None = None,
    env: Mapping[str, str] | None = None,
) -> tuple[dict[str, Any], Verdict]:
    """Run a plan, judge it, write `out/load.json`, and return what was written with the verdict.

    Raises
    ------
    LoadGeneratorError
        Nothing was measured. `load.json` is then not written, and an earlier one is gone.
    """
    out.mkdir(parents=True, exist_ok=True)
    document = out / "load.json"
    document.unlink(missing_ok=True)
    result = generate(plan, out / "locust.log", on_report, env)
    verdict = judge(result, slo)
    facts = {"kind": plan.kind, "target": plan.target, "users": plan.users, "warmup_s": plan.warmup_s}
    measured = {**facts, **result, "slo": verdict.document()}
    part = document.with_suffix(".json.part")
    part.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    part.replace(document)
    return measured, verdict


def summary(measured: Mapping[str, Any], verdict: Verdict) -> str:
    """Return the one line that says what was measured and how it was judged."""
    figures = " ".join(f"{name[:-3]} {_ms(measured[name])}" for name in ("p50_ms", "p95_ms", "p99_ms"))
    line = f"{measured['target']}: {measured['requests']:,} requests, {measured['rps']:,.0f}/s, {figures}, "
    line += f"{measured['failures']:,} failed; objective {'kept' if verdict.passed else 'BROKEN'}"
    broken = [f"{c.name} {_figure(c.actual)} (limit {_figure(c.limit)})" for c in verdict.checks if not c.passed]
    return f"{line}: {', '.join(broken)}" if broken else line


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        plan = Plan(
            kind="endpoint" if options.endpoint else "function",
            target=options.endpoint or options.function,
            payloads=_payloads(options),
            users=options.users,
            seconds=options.seconds,
            warmup_s=options.warmup,
            alias=options.alias,
        )
        slo = Slo(options.slo_p95_ms, options.slo_p99_ms, options.slo_failures, options.slo_min_rps)
    except LoadUsageError as error:
        parser.error(str(error))
    # A terminated test ends like an interrupted one: the generator must never outlive it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    progress = Progress(sys.stderr, plain_every=max(1, round(options.seconds / PLAIN_PROGRESS_LINES)))
    try:
        measured, verdict = measure(plan, slo, options.out, progress)
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
        print(f"  {kind['count']:,} x {kind['error']}", file=sys.stderr)
    return 0 if verdict.passed else 1


class Progress:
    """Shows samples as they arrive: one line rewritten on a terminal, every nth as a line of its own elsewhere."""

    def __init__(self, stream: TextIO, plain_every: int) -> None:
        self._stream = stream
        self._plain_every = plain_every
        self._rewrite = stream.isatty() and not os.environ.get("CI")
        self._count = 0
        self._open = False

    def __call__(self, report: Report) -> None:
        """Show one report."""
        if report["kind"] != "sample":
            return
        self._count += 1
        line = f"{report['t']:6.1f} s  {report['users']:4d} users  {report['rps']:8.1f}/s  "
        line += f"p50 {_ms(report['p50_ms'])}  p95 {_ms(report['p95_ms'])}  {report['failures']} failed"
        if self._rewrite:
            self._stream.write(f"\r\x1b[2K{line}")
            self._open = True
        elif self._count % self._plain_every == 0:
            self._stream.write(line + "\n")
        self._stream.flush()

    def end(self) -> None:
        """Clear the rewritten line, if there is one."""
        if self._open:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()
            self._open = False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtest.run", description="Load-test an endpoint or a function.")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--endpoint", help="SageMaker endpoint to send images to")
    target.add_argument("--function", help="Lambda function to send events to")
    parser.add_argument("--alias", default="live", help="alias of the function (default: live)")
    parser.add_argument("--images", type=Path, help="folder of PNG and JPEG files, with --endpoint")
    parser.add_argument("--events", type=Path, help="JSON Lines file of events, with --function")
    parser.add_argument("--users", type=int, default=8, help="concurrent users (default: 8)")
    parser.add_argument("--seconds", type=float, default=12, help="measured seconds (default: 12)")
    parser.add_argument("--warmup", type=float, default=2, help="seconds before that are not measured (default: 2)")
    parser.add_argument("--out", type=Path, required=True, help="folder for load.json and locust.log")
    parser.add_argument("--slo-p95-ms", type=float, help="95th percentile limit in ms")
    parser.add_argument("--slo-p99-ms", type=float, help="99th percentile limit in ms")
    parser.add_argument("--slo-failures", type=float, default=0.0, help="failed share limit, 0 to 1 (default: 0)")
    parser.add_argument("--slo-min-rps", type=float, help="throughput that must be reached, requests/s")
    return parser


def _payloads(options: argparse.Namespace) -> Path:
    name, path = ("images", options.images) if options.endpoint else ("events", options.events)
    if path is None:
        raise LoadUsageError(name, None, f"give --{name} with --{'endpoint' if options.endpoint else 'function'}")
    if not path.exists():
        raise LoadUsageError(name, str(path), "name something that exists")
    return path


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms"


def _figure(value: float | None) -> str:
    return "not measured" if value is None else f"{value:g}"


if __name__ == "__main__":
    sys.exit(main())
