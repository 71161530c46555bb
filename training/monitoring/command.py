"""The two commands: arguments to plans, results to files."""

from __future__ import annotations

import csv
import json
import sys
import time
from contextlib import ExitStack
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from training.monitoring import analysis, drift, emf, facets, images, sources
from training.monitoring import baseline as baselines
from training.monitoring.answers import Shape
from training.monitoring.errors import DamageError, MonitoringError
from training.monitoring.ledger import Ledger
from training.monitoring.quality import VIOLATIONS
from training.monitoring.reader import BATCH, Reading
from training.monitoring.rows import json_rows
from training.monitoring.truth import Truth

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from training.monitoring.sources import Source, Window
    from training.monitoring.table import Row

REPORT, METRICS = "report.json", "metrics.jsonl"
_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp"})


def unavailable() -> tuple[type[Exception], ...]:
    """What is raised when data cannot be had; AWS's own errors only where its client is installed."""
    try:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  a folder needs no AWS
    except ImportError:
        return (OSError,)
    return (OSError, BotoCoreError, ClientError)


def baseline(arguments: argparse.Namespace) -> int:
    """Write a baseline."""
    if (arguments.rows is None) == (arguments.images is None):
        raise MonitoringError("--rows", None, "give either --rows or --images")
    if arguments.images is not None:
        files = sorted(path for path in arguments.images.rglob("*") if path.suffix.lower() in _PICTURES)
        if not files:
            raise MonitoringError("--images", str(arguments.images), "holds no .png, .jpg or .webp file")
        made = baselines.make(lambda: _batched(_pictures(files)), images.COLUMNS)
    else:
        drop = _names(arguments.drop)
        names, read = _training(arguments.rows)
        if unknown := sorted(set(drop) - set(names)):
            raise MonitoringError("--drop", unknown, f"are no columns; known: {', '.join(names)}")
        kept = [name for name in names if name not in drop]
        made = baselines.make(lambda: _batched(read()), kept, _names(arguments.categorical))
    made.save(arguments.out)
    rows = made.statistics["dataset"]["item_count"]
    _say({"out": str(arguments.out), "rows": rows, "features": len(made.kinds), "types": made.kinds})
    return 0


def analyze(arguments: argparse.Namespace) -> int:
    """Write a report, the violations and the metrics."""
    plan, within = _plan(arguments), window(arguments)
    ledger = None if arguments.state is None else Ledger.load(arguments.state)
    reading = Reading(within, ledger)
    slack = timedelta(hours=arguments.late_hours)
    with ExitStack() as stack:
        truth = _truth(arguments, plan)
        if truth is not None:
            stack.enter_context(truth)
        batches = reading.batches(places(arguments.captures, within, slack))
        table = analysis.gather(plan, batches, reading.damage, truth)
        if reading.files and len(reading.damage.unreadable) == reading.files:
            # One file that cannot be read is damage; all of them are a missing right, and no result.
            raise OSError(f"none of {reading.files} files could be read: {reading.damage.places[0]['reason']}")
        if truth is not None and arguments.labels:
            truth.read(places(arguments.labels, None, slack), ledger)
        document = {"endpoint": arguments.endpoint, **analysis.report(plan, reading, table, truth)}
        _write(arguments.out, document, baselines.statistics(table))
        # Only a run whose report lies on disk has read what it read.
        if truth is not None:
            truth.keep()
        if ledger is not None:
            ledger.save(arguments.state)
    for alarm in document["alarms"]:
        sys.stderr.write(f"alarm: {alarm['feature']}: {alarm['kind']}: {alarm['text']}\n")
    capture = document["capture"]
    _say(
        {
            "out": str(arguments.out),
            "records": capture["records"],
            "duplicates": capture["duplicates"],
            "damaged": capture["damaged"]["count"],
            "alarms": len(document["alarms"]),
        }
    )
    return 3 if arguments.fail_on_alarm and document["alarms"] else 0


def _truth(arguments: argparse.Namespace, plan: analysis.Plan) -> Truth | None:
    """Where predictions wait for their labels: with a state over many runs, without one for this run only."""
    if plan.shape is None:
        return None
    if arguments.state is None:
        return Truth()
    arguments.state.mkdir(parents=True, exist_ok=True)
    return Truth(arguments.state / "truth.sqlite")


def _write(folder: Path, document: dict[str, Any], statistics: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    now = round(time.time() * 1000)
    here = {"Endpoint": document["endpoint"]}
    metrics = list(emf.lines(analysis.figures(document), here, now))
    for feature in document["drift"]["features"]:
        found = {"Distance": feature["distance"], "PSI": feature["psi"], "DriftAlarms": int(feature["alarm"])}
        metrics += emf.lines(found, {**here, "Feature": feature["feature"]}, now)
    for name, content in (
        (REPORT, json.dumps(document, indent=2, allow_nan=False)),
        (VIOLATIONS, json.dumps(analysis.violations(document), indent=2)),
        (baselines.STATISTICS, json.dumps(statistics, indent=2, allow_nan=False)),
        (METRICS, "\n".join(metrics)),
    ):
        (folder / name).write_text(content + "\n", encoding="utf-8")


def _plan(arguments: argparse.Namespace) -> analysis.Plan:
    found = baselines.Baseline.load(arguments.baseline)
    if not 0 < arguments.alpha < 1:
        raise MonitoringError("--alpha", arguments.alpha, "must lie between 0 and 1")
    settings = found.constraints.get("monitoring_config", {}).get("distribution_constraints", {})
    limits = drift.Limits(
        arguments.alpha,
        arguments.correction,
        arguments.test,
        settings.get("comparison_threshold", 0.1),
        settings.get("categorical_comparison_threshold", 0.1),
    )
    chances = dict(_pair(text) for text in _names(arguments.probabilities))
    shape = Shape(arguments.task, arguments.prediction, chances, arguments.other)
    facet = None if arguments.facet is None else facets.parse(arguments.facet, arguments.group)
    if arguments.group is not None and facet is None:
        raise MonitoringError("--group", arguments.group, "conditions the metrics of --facet; give one")
    for option, column in (("--facet", facet and facet.column), ("--group", arguments.group)):
        if column is not None and column not in found.kinds:
            raise MonitoringError(option, column, f"is no column; known: {', '.join(found.kinds)}")
    scores = None
    if arguments.attributions is not None:
        before, now = (_scores(path) for path in arguments.attributions)
        scores = before, now
    wanted = shape if arguments.labels or arguments.state is not None else None
    return analysis.Plan(found, limits, wanted, facet, arguments.positive, scores)


def window(arguments: argparse.Namespace) -> Window | None:
    """The window of --start and --end; None without."""
    if (arguments.start is None) != (arguments.end is None):
        raise MonitoringError("--start", arguments.start, "give --start and --end, or neither")
    if arguments.start is None:
        return None
    return sources.Window(sources.moment(arguments.start), sources.moment(arguments.end))


def places(location: str, within: Window | None, slack: timedelta) -> Iterator[Source]:
    """The files of a folder or of a place in S3; there, those that can hold records of the window."""
    if not location.startswith("s3://"):
        from pathlib import Path  # noqa: PLC0415

        return sources.folder(Path(location))
    try:
        import boto3  # noqa: PLC0415  a folder needs no AWS
        from botocore.config import Config  # noqa: PLC0415
    except ImportError:
        raise MonitoringError("location", location, "needs boto3; install it or give a folder") from None
    return sources.s3(boto3.client("s3", config=Config(retries={"mode": "standard"})), location, within, slack)


def _training(path: Path) -> tuple[list[str], Any]:
    """Column names, and what reads all rows anew."""
    if path.suffix in {".jsonl", ".ndjson"}:

        def objects() -> Iterator[Row]:
            with path.open(encoding="utf-8") as file:
                for number, line in enumerate(file, 1):
                    if line.strip():
                        yield _object(path, number, line)

        first = next(objects(), None)
        if first is None:
            raise MonitoringError("--rows", str(path), "holds no row")
        return list(cast("dict[str, Any]", first)), objects

    with path.open(encoding="utf-8", newline="") as file:
        names = [name.strip() for name in next(csv.reader(file), [])]
    if not names or len(set(names)) < len(names):
        raise MonitoringError("--rows", str(path), "needs a header line with a different name for every column")

    def lines() -> Iterator[Row]:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            next(reader)
            for row in reader:
                if not row:
                    continue
                if len(row) != len(names):
                    text = f"has {len(row)} values, the header {len(names)}"
                    raise MonitoringError("--rows", f"{path}, line {reader.line_num}", text)
                yield dict(zip(names, row, strict=True))

    return names, lines


def _object(path: Path, number: int, line: str) -> Row:
    try:
        row = json_rows(line)[0]
    except DamageError as error:
        raise MonitoringError("--rows", f"{path}, line {number}", str(error)) from None
    if not isinstance(row, dict):
        raise MonitoringError("--rows", f"{path}, line {number}", "must be an object, one member per column")
    return row


def _pictures(files: list[Path]) -> Iterator[Row]:
    for path in files:
        try:
            yield dict(images.statistics(path.read_bytes()))
        except DamageError as error:
            raise MonitoringError("--images", str(path), str(error)) from None


def _batched(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def _scores(path: Path) -> dict[str, float]:
    try:
        return {str(name): float(value) for name, value in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise MonitoringError("--attributions", str(path), f"is no JSON object of numbers ({error})") from None


def _pair(text: str) -> tuple[str, str]:
    column, sign, name = text.partition("=")
    if not sign or not column or not name:
        raise MonitoringError("--probabilities", text, "write COLUMN=CLASS")
    return column, name


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _say(summary: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(summary) + "\n")
