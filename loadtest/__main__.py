"""Load-test an environment's endpoint until its capacity ends, and say what follows for its settings.

    python -m loadtest --env dev --workload vehicles

finds the knee of one instance, holds the settings against it, and writes a report. What follows `--` goes to
`python -m loadtest.run` as it stands, and overrides the shape of the test.

Exit status: 0 the objective is kept and the settings agree with the measurement, 1 one of them does not, 2 bad usage,
3 nothing can be said, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loadtest import cli, run
from loadtest.capacity import __main__ as capacity
from loadtest.capacity.recommend import SAFETY
from loadtest.errors import LoadUsageError
from loadtest.place import place, session, staged_images
from loadtest.report.page import write_report
from loadtest.workload import promise

KEPT, BROKEN, BAD_USAGE = 0, 1, 2
# Few at first: the least load must keep the objective, or nothing can be said.
STAIRS = ("--shape", "stairs", "--steps", "30", "--step-seconds", "20")
USERS = ("--users", "1")


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            measured = _measure(options, Path(scratch))
    except LoadUsageError as error:
        parser.error(str(error))
    if measured not in {KEPT, BROKEN} and not (options.out / "load.json").exists():
        return measured
    judged = _judge(options)
    report = write_report(options.out / "load.json", _capacity(options.out))
    for line in _said(options.out):
        print(line)
    print(f"report:  {report}")
    # What was measured comes first: settings that agree with a broken objective are no comfort.
    return measured or judged


def _measure(options: argparse.Namespace, scratch: Path) -> int:
    """Run the load test and return its exit status."""
    where, wanted = place(options.env), promise(options.workload)
    if where.production and not options.production:
        remedy = "this goes on until the objective breaks, for its users too; give --production to do it all the same"
        raise LoadUsageError("ENV", options.env, remedy)
    signed = session(where)
    images = options.images or staged_images(where, options.workload, signed, scratch / "images")
    _capacity_file(options.out).unlink(missing_ok=True)
    return run.main([
        *("--endpoint", where.endpoint(options.workload), "--images", str(images), "--out", str(options.out)),
        *("--slo-p95-ms", str(options.slo_p95_ms or wanted.p95_ms), "--slo-failures", str(wanted.failures)),
        *STAIRS,
        *(() if "--rate" in options.more else USERS),
        *options.more,
    ])  # fmt: skip


def _judge(options: argparse.Namespace) -> int:
    """Derive the capacity, hold the settings against it, and return the exit status of that."""
    arguments = ["--result", str(options.out / "load.json"), "--json", str(_capacity_file(options.out))]
    arguments += ["--env", options.env, "--workload", options.workload]
    try:
        return capacity.main([*arguments, *(["--write"] if options.write else [])])
    except SystemExit:  # it has said what it will not do; what was measured is reported all the same
        return BAD_USAGE


def _said(out: Path) -> list[str]:
    """Return the verdict, the knee and the target, a line each."""
    load = json.loads((out / "load.json").read_text(encoding="utf-8"))
    verdict = {True: "objective kept", False: "objective BROKEN"}.get(load["slo"]["passed"], "not judged")
    found = _capacity(out)
    if found is None:
        return ["", f"verdict: {verdict}", "knee:    unknown", "target:  unknown"]
    document: dict[str, Any] = json.loads(found.read_text(encoding="utf-8"))
    knee = document["knee"]
    interval = "" if knee["low"] is None else f" (95 % interval {knee['low']:,.1f} to {knee['high']:,.1f})"
    bound = "" if knee["reached"] else ", at least: the test ended before it"
    target = f"{document['target']:,} invocations per instance and minute ({knee['rps']:,.1f}/s x {SAFETY:g} x 60)"
    return [
        "",
        f"verdict: {verdict}",
        f"knee:    {knee['rps']:,.1f} requests/s of one instance{interval}{bound}",
        f"target:  {target}",
    ]


def _capacity_file(out: Path) -> Path:
    return out / "capacity.json"


def _capacity(out: Path) -> Path | None:
    return _capacity_file(out) if _capacity_file(out).exists() else None


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("loadtest", __doc__)
    parser.add_argument("--env", required=True, help="environment: dev, staging, prod or rehearsal")
    parser.add_argument("--workload", default="vehicles", help="whose endpoint (default: vehicles)")
    parser.add_argument("--images", type=Path, help="folder of images (default: the workload's staged test set)")
    parser.add_argument("--out", type=Path, default=Path(".slipway/loadtest"), help="folder (default: %(default)s)")
    parser.add_argument("--slo-p95-ms", type=float, help="95th percentile limit in ms (default: the workload's own)")
    parser.add_argument("--write", action="store_true", help="set what differs in the environment's settings")
    parser.add_argument("--production", action="store_true", help="load a production environment, its users included")
    parser.add_argument("more", nargs="*", metavar="-- ARGUMENT", help="arguments of `python -m loadtest.run`")
    return parser


if __name__ == "__main__":
    sys.exit(main())
