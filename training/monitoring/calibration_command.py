"""`python -m training.monitoring calibration`: captured probabilities, with labels as far as they have come."""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack
from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from training.monitoring import answers, calibration, command, emf
from training.monitoring.answers import Shape
from training.monitoring.errors import DamageError, MonitoringError
from training.monitoring.ledger import Ledger
from training.monitoring.reader import Reading
from training.monitoring.truth import Truth

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from training.monitoring.capture import Record
    from training.monitoring.reader import Damage

REPORT, METRICS = "calibration.json", "metrics.jsonl"


def run(arguments: argparse.Namespace) -> int:
    """Write the report and the metrics; 3 with `--fail-on-alarm` when there is an alarm, else 0."""
    known = load(arguments.baseline)
    if not 0 < arguments.alpha < 1:
        raise MonitoringError("--alpha", arguments.alpha, "must lie between 0 and 1")
    ledger = None if arguments.state is None else Ledger.load(arguments.state)
    window = command.window(arguments)
    slack = timedelta(hours=arguments.late_hours)
    reading = Reading(window, ledger)
    said: list[float] = []
    with ExitStack() as stack:
        truth = stack.enter_context(_truth(arguments))
        for batch in reading.batches(command.places(arguments.captures, window, slack)):
            entries = list(
                chain.from_iterable(_predictions(record, known["class"], reading.damage) for record in batch)
            )
            said += [entry[2] for entry in entries]
            truth.predict(entries)
        if arguments.labels:
            truth.read(command.places(arguments.labels, None, slack), ledger)
        joined = list(truth.joined())
        document = report(known, said, joined, alpha=arguments.alpha, seed=arguments.seed)
        document |= {"endpoint": arguments.endpoint, "capture": reading.document(), "labels": truth.summary()}
        _write(arguments.out, document)
        truth.keep()
        if ledger is not None:
            ledger.save(arguments.state)
    for name in document["alarms"]:
        sys.stderr.write(f"alarm: {name}: the model's probabilities are not what they were; see {REPORT}\n")
    sys.stdout.write(
        json.dumps({name: document[name] for name in ("rows", "joined", "alarms")} | {"out": str(arguments.out)}) + "\n"
    )
    return 3 if arguments.fail_on_alarm and document["alarms"] else 0


def report(
    known: dict[str, Any], said: list[float], joined: list[tuple[str, Any, str]], *, alpha: float, seed: int = 0
) -> dict[str, Any]:
    """Judge what was gathered.

    Parameters
    ----------
    said
        Probabilities of this run.
    joined
        Id, probability and label of all predictions that have met theirs, of earlier runs too: labels come late, and a
        test over few would find little.
    alpha
        Chance of any false alarm, shared alike by what needs labels and what does not.
    """
    probabilities = np.array([value for _, value, _ in joined])
    positive = np.array([label.strip().lower() == str(known["class"]).lower() for _, _, label in joined], bool)
    scored = calibration.without_labels(known, np.array(said), alpha=alpha / 2)
    labelled = calibration.with_labels(known, probabilities, positive, alpha=alpha / 2, seed=seed)
    return {
        "version": 1,
        "rows": len(said),
        "joined": len(joined),
        "alpha": alpha,
        "scores": scored,
        "calibration": labelled,
        "alarms": [*scored["alarms"], *labelled["alarms"]],
    }


def figures(document: dict[str, Any]) -> dict[str, float | None]:
    """What of a report is worth a metric."""
    labelled, shares = document["calibration"], document["scores"]["shares"]["now"]
    return {
        "CalibrationAlarms": len(document["alarms"]),
        "CalibrationLabelCount": labelled["labels"],
        "AbstainShare": shares["abstain"] if document["rows"] else None,
        "CalibrationECE": labelled.get("ece"),
        "CalibrationBrier": labelled.get("brier"),
        "CalibrationIntercept": labelled.get("intercept"),
        "CalibrationSlope": labelled.get("slope"),
    }


def load(path: Path) -> dict[str, Any]:
    """A baseline's file.

    Raises
    ------
    MonitoringError
        It cannot be read, or is none.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MonitoringError("--baseline", str(path), f"cannot be read: {error}") from None
    if not isinstance(found, dict) or missing(found):
        raise MonitoringError("--baseline", str(path), "is no calibration baseline; it lies in the model's archive")
    return found


def missing(found: dict[str, Any]) -> set[str]:
    """Members a baseline lacks."""
    return {"class", "band", "scores", "line", "ece", "brier", "prevalence"} - found.keys()


def _truth(arguments: argparse.Namespace) -> Truth:
    if arguments.state is None:
        return Truth()
    arguments.state.mkdir(parents=True, exist_ok=True)
    return Truth(arguments.state / "truth.sqlite")


def _predictions(record: Record, name: str, damage: Damage) -> Iterator[tuple[str, int, float]]:
    if record.output is None:
        return
    try:
        found = answers.read(record.output, Shape())
    except DamageError as error:
        damage.add(record.file, record.line, str(error))
        return
    for number, answer in enumerate(found):
        chance = answer.get("probabilities", {}).get(name)
        if chance is None:
            damage.add(record.file, record.line, f"the answer has no probability of {name!r}")
        else:
            yield record.key, number, float(chance)


def _write(folder: Path, document: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    metrics = emf.lines(figures(document), {"Endpoint": document["endpoint"]}, round(time.time() * 1000))
    for name, content in ((REPORT, json.dumps(document, indent=2, allow_nan=False)), (METRICS, "\n".join(metrics))):
        (folder / name).write_text(content + "\n", encoding="utf-8")
