"""From captured records to a report: one pass over the records, then the judgement."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from training.monitoring import answers, attribution, baseline, drift, quality, rows
from training.monitoring.errors import DamageError
from training.monitoring.outcome import Outcome
from training.monitoring.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from training.monitoring.answers import Shape
    from training.monitoring.baseline import Baseline
    from training.monitoring.capture import Record
    from training.monitoring.columns import Value
    from training.monitoring.facets import Facet
    from training.monitoring.reader import Damage, Reading
    from training.monitoring.table import Row
    from training.monitoring.truth import Truth

OUTPUT = "output."
"""Columns of a baseline that start so are looked for in the answers."""


@dataclass(frozen=True)
class Plan:
    """What to compare with, and what else to look at.

    Attributes
    ----------
    shape
        Where predictions are; None: they are not kept for labels.
    positive
        The class that is wished for, for bias.
    attributions
        Global attributions in training and now, for their ranking.
    """

    baseline: Baseline
    limits: drift.Limits = field(default_factory=drift.Limits)
    shape: Shape | None = None
    facet: Facet | None = None
    positive: str = "1"
    attributions: tuple[Mapping[str, float], Mapping[str, float]] | None = None

    @cached_property
    def places(self) -> dict[str, int]:
        """Where in a row without names a column is."""
        return {name: place for place, name in enumerate(self.baseline.kinds)}


def gather(plan: Plan, batches: Iterable[list[Record]], damage: Damage, truth: Truth | None = None) -> Table:
    """Count all rows of the records; keep predictions for their labels."""
    table = Table(plan.baseline.kinds)
    answered = any(name.startswith(OUTPUT) for name in table.columns)
    count = _requests_and_answers if answered else _requests
    for batch in batches:
        count(batch, table, damage)
        if truth is not None and plan.shape is not None:
            truth.predict(entry for record in batch for entry in _predictions(plan, record, damage))
    return table


def report(plan: Plan, reading: Reading, table: Table, truth: Truth | None = None) -> dict[str, Any]:
    """Judge what was gathered."""
    before = {feature["name"]: baseline.restore(feature) for feature in plan.baseline.statistics["features"]}
    drifts = drift.compare(before, table.columns, plan.limits)
    violations = quality.check(table, plan.baseline)
    outcome = None
    if truth is not None and plan.shape is not None:
        outcome = Outcome(plan.shape.task)
        outcome.add(truth.joined(only_new=True))
    bias = None if outcome is None or plan.facet is None else outcome.bias(plan.facet, plan.positive)
    ranking = None if plan.attributions is None else attribution.ndcg(*plan.attributions)
    alarms = [
        {"kind": entry["constraint_check_type"], "feature": entry["feature_name"], "text": entry["description"]}
        for entry in [*quality.drifted(drifts), *violations]
    ]
    if ranking is not None and ranking < attribution.LEAST:
        text = f"the ranking of the features has changed: NDCG {ranking:.3f} < {attribution.LEAST}"
        alarms.append({"kind": "feature_attribution_drift_check", "feature": "dataset", "text": text})
    return {
        "version": 1,
        "window": None if reading.window is None else {k: str(v) for k, v in asdict(reading.window).items()},
        "capture": reading.document(),
        "rows": table.rows,
        "violations": violations,
        "drift": {"limits": asdict(plan.limits), "features": [asdict(found) for found in drifts]},
        "labels": None if truth is None else truth.summary(),
        "model_quality": None if outcome is None else outcome.quality(),
        "bias": bias,
        "attribution": None if ranking is None else {"ndcg": ranking, "least": attribution.LEAST},
        "alarms": alarms,
    }


def violations(document: Mapping[str, Any]) -> dict[str, Any]:
    """The `constraint_violations.json` of a report, drift included."""
    return quality.document(
        [quality.violation(alarm["feature"], alarm["kind"], alarm["text"]) for alarm in document["alarms"]]
    )


def figures(document: Mapping[str, Any]) -> dict[str, float | None]:
    """The figures of a report that are worth a metric of their own; those of a feature are apart."""
    capture, found = document["capture"], document["model_quality"] or {}
    labels = document["labels"] or {}
    result: dict[str, float | None] = {
        "RecordCount": capture["records"],
        "RowCount": document["rows"],
        "DuplicateRecordCount": capture["duplicates"],
        "DamagedLineCount": capture["damaged"]["count"],
        "Violations": len(document["violations"]),
        "DriftAlarms": sum(feature["alarm"] for feature in document["drift"]["features"]),
        "Alarms": len(document["alarms"]),
        "LabelCoverage": labels.get("coverage"),
        **{name: found.get(key) for name, key in _QUALITY.items()},
    }
    if document["bias"]:
        result |= {f"Bias{name}": value for name, value in document["bias"]["metrics"].items()}
    if document["attribution"]:
        result["AttributionNDCG"] = document["attribution"]["ndcg"]
    return {name: value for name, value in result.items() if value is not None}


_QUALITY = {
    "Accuracy": "accuracy",
    "MacroF1": "macro_f1",
    "AUC": "auc",
    "Brier": "brier",
    "ECE": "ece",
    "RMSE": "rmse",
    "MAE": "mae",
    "R2": "r2",
}


def _requests(batch: list[Record], table: Table, damage: Damage) -> None:
    """The quick way: nothing but the requests' rows."""
    plain: list[str] = []
    other: list[Row] = []
    for record in batch:
        if record.input is None:
            continue
        if (line := rows.plain_line(record.input)) is not None:
            plain.append(line)
            continue
        try:
            other += rows.read(record.input)
        except DamageError as error:
            damage.add(record.file, record.line, str(error))
    table.add_lines(plain)
    if other:
        table.add(other)


def _requests_and_answers(batch: list[Record], table: Table, damage: Damage) -> None:
    """The way that keeps the columns of requests and answers together."""
    names = [name for name in table.columns if not name.startswith(OUTPUT)]
    everything: list[Row] = []
    for record in batch:
        try:
            asked = [] if record.input is None else rows.read(record.input)
            given = [] if record.output is None else rows.read(record.output)
        except DamageError as error:
            damage.add(record.file, record.line, str(error))
            continue
        for number, row in enumerate(asked):
            answer = given[number] if number < len(given) else {}
            extra = answer.items() if isinstance(answer, dict) else enumerate(answer)
            wanted = {OUTPUT + str(key): value for key, value in extra if OUTPUT + str(key) in table.columns}
            everything.append({**_named(row, names), **wanted})
    table.add(everything)


def _named(row: Row, names: list[str]) -> dict[str, Value]:
    """A row by name; values beyond the last column get a name that shows up as a column too many."""
    if isinstance(row, dict):
        return row
    return {names[place] if place < len(names) else f"value {place + 1}": value for place, value in enumerate(row)}


def _cell(row: Row, column: str, places: Mapping[str, int]) -> Value:
    if isinstance(row, dict):
        return row.get(column)
    place = places.get(column, len(row))
    return row[place] if place < len(row) else None


def _predictions(plan: Plan, record: Record, damage: Damage) -> list[tuple[str, int, Any]]:
    if plan.shape is None or record.output is None:
        return []
    try:
        found = answers.read(record.output, plan.shape)
    except DamageError as error:
        damage.add(record.file, record.line, str(error))
        return []
    if plan.facet is not None and record.input is not None:
        # A request that cannot be read is counted where its rows are; its answer only belongs to no group.
        with suppress(DamageError):
            for answer, row in zip(found, rows.read(record.input), strict=False):
                answer["favoured"] = plan.facet.favoured(_cell(row, plan.facet.column, plan.places))
                if plan.facet.group is not None:
                    answer["group"] = _cell(row, plan.facet.group, plan.places)
    return [(record.key, number, answer) for number, answer in enumerate(found)]
