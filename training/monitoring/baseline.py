"""`statistics.json` and `constraints.json`, in the formats of SageMaker Model Monitor.

Formats: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-statistics.html and
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-constraints.html. Both allow additions; ours are
`repeated_count` of the dataset, `mistyped` and `other_count` of a feature, `minimum` and `maximum` of a range.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.monitoring.columns import Numbers, Texts, Types
from training.monitoring.errors import MonitoringError
from training.monitoring.sketch import Sketch
from training.monitoring.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from training.monitoring.columns import Column, Kind
    from training.monitoring.table import Row

STATISTICS, CONSTRAINTS = "statistics.json", "constraints.json"

BUCKETS = 10
DOMAIN = 50
"""Up to so many different texts are a closed set of categories."""

MONITORING = {
    "evaluate_constraints": "Enabled",
    "emit_metrics": "Enabled",
    "datatype_check_threshold": 0.1,
    "domain_content_threshold": 0.1,
    "distribution_constraints": {
        "perform_comparison": "Enabled",
        "comparison_threshold": 0.1,
        "comparison_method": "Robust",
        "categorical_comparison_threshold": 0.1,
        "categorical_drift_method": "ChiSquared",
    },
}


@dataclass(frozen=True)
class Baseline:
    """What training rows looked like, and what captured ones must satisfy."""

    statistics: dict[str, Any]
    constraints: dict[str, Any]

    @property
    def kinds(self) -> dict[str, Kind]:
        """The type of every column, in order."""
        return {feature["name"]: feature["inferred_type"] for feature in self.constraints["features"]}

    def save(self, folder: Path) -> None:
        """Write both files."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, document in ((STATISTICS, self.statistics), (CONSTRAINTS, self.constraints)):
            (folder / name).write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Baseline:
        """Read both files and check that they belong together."""
        documents = []
        for name in (STATISTICS, CONSTRAINTS):
            try:
                documents.append(json.loads((folder / name).read_text(encoding="utf-8")))
            except (OSError, ValueError) as error:
                raise MonitoringError("baseline", str(folder / name), f"cannot be read: {error}") from None
        try:
            names = [[feature["name"] for feature in document["features"]] for document in documents]
            complete = all("inferred_type" in feature for feature in documents[1]["features"])
        except (KeyError, TypeError) as error:
            raise MonitoringError("baseline", str(folder), f"is not in Model Monitor's format: {error!r}") from None
        if names[0] != names[1] or not complete or not names[0]:
            raise MonitoringError("baseline", str(folder), "its files do not list the same features: make both anew")
        return cls(documents[0], documents[1])


def make(rows: Callable[[], Iterable[Sequence[Row]]], names: Sequence[str], texts: Iterable[str] = ()) -> Baseline:
    """A baseline from training rows.

    Parameters
    ----------
    rows
        Gives all rows in batches; called twice, once to find the types and once to count.
    names
        The columns, in the order in which requests carry them.
    texts
        Columns of numbers that are names of categories.
    """
    if unknown := set(texts) - set(names):
        raise MonitoringError("categorical", sorted(unknown), f"are no columns; known: {', '.join(names)}")
    types = {name: Types() for name in names}
    for batch in rows():
        for position, (name, found) in enumerate(types.items()):
            found.add(
                [
                    row.get(name) if isinstance(row, dict) else (row[position] if position < len(row) else None)
                    for row in batch
                ]
            )
    kinds: dict[str, Kind] = {name: "String" if name in texts else found.infer() for name, found in types.items()}
    table = Table(kinds)
    for batch in rows():
        table.add(batch)
    if not table.rows:
        raise MonitoringError("rows", 0, "a baseline needs at least one row")
    if table.short or table.long:
        raise MonitoringError("rows", table.short + table.long, f"rows do not have {len(names)} values; mend the file")
    return of(table)


def of(table: Table) -> Baseline:
    """The baseline that a table's statistics make."""
    return Baseline(statistics(table), {"version": 0, "features": _constraints(table), "monitoring_config": MONITORING})


def statistics(table: Table) -> dict[str, Any]:
    """The `statistics.json` of a table."""
    features = [_feature(name, table.kinds[name], column) for name, column in table.columns.items()]
    dataset = {"item_count": table.rows, "repeated_count": table.repeated}
    return {"version": 0, "dataset": dataset, "features": features}


def restore(feature: Mapping[str, Any]) -> Column:
    """The column that a feature of `statistics.json` describes, as far as comparing with it needs."""
    try:
        if (numerical := feature.get("numerical_statistics")) is not None:
            return _numbers(numerical)
        return _texts(feature["string_statistics"])
    except (KeyError, TypeError, ValueError) as error:
        raise MonitoringError("baseline", feature.get("name"), f"its statistics cannot be used: {error!r}") from None


def _feature(name: str, kind: Kind, column: Column) -> dict[str, Any]:
    common = {"num_present": column.present, "num_missing": column.missing}
    if isinstance(column, Numbers):
        found: dict[str, Any] = {"common": common}
        if column.count:
            found |= {
                "mean": column.mean,
                "sum": column.total,
                "std_dev": column.deviation,
                "min": column.low,
                "max": column.high,
                "distribution": {"kll": {"buckets": _buckets(column), "sketch": column.sketch.document()}},
            }
        return {"name": name, "inferred_type": kind, "numerical_statistics": found, "mistyped": column.mistyped}
    buckets = [{"value": value, "count": count} for value, count in column.counts.most_common()]
    return {
        "name": name,
        "inferred_type": kind,
        "string_statistics": {
            "common": common,
            "distinct_count": column.distinct,
            "distribution": {"categorical": {"buckets": buckets}},
        },
        "other_count": column.other,
    }


def _buckets(column: Numbers) -> list[dict[str, float]]:
    """Ten buckets of equal width; the last one holds its upper bound too."""
    edges = np.linspace(column.low, column.high, BUCKETS + 1)
    values, upto = column.sketch.weighted()
    below = np.concatenate([[0.0], upto])[np.searchsorted(values, edges[1:-1], side="left")]
    counts = np.diff(np.concatenate([[0.0], below, [1.0]])) * column.count
    return [
        {"lower_bound": float(low), "upper_bound": float(high), "count": float(round(count))}
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
    ]


def _constraints(table: Table) -> list[dict[str, Any]]:
    features = []
    for name, column in table.columns.items():
        total = column.present + column.missing
        feature: dict[str, Any] = {
            "name": name,
            "inferred_type": table.kinds[name],
            "completeness": column.present / total if total else 0.0,
        }
        if isinstance(column, Numbers) and column.count:
            limits = {"minimum": column.low, "maximum": column.high}
            feature["num_constraints"] = {"is_non_negative": column.low >= 0, **limits}
        elif isinstance(column, Texts) and 0 < len(column.counts) <= DOMAIN and not column.other:
            feature["string_constraints"] = {"domains": sorted(column.counts)}
        features.append(feature)
    return features


def _numbers(found: Mapping[str, Any]) -> Numbers:
    column = Numbers()
    column.present, column.missing = int(found["common"]["num_present"]), int(found["common"]["num_missing"])
    if "distribution" in found:
        column.sketch = Sketch.of(found["distribution"]["kll"]["sketch"])
        column.mistyped = column.present - column.sketch.count
        column.mean, column.total = float(found["mean"]), float(found["sum"])
        column.squares = float(found["std_dev"]) ** 2 * column.count
        column.low, column.high = float(found["min"]), float(found["max"])
    else:
        column.mistyped = column.present
    return column


def _texts(found: Mapping[str, Any]) -> Texts:
    column = Texts()
    column.present, column.missing = int(found["common"]["num_present"]), int(found["common"]["num_missing"])
    buckets = found["distribution"]["categorical"]["buckets"]
    column.counts = Counter({str(bucket["value"]): int(bucket["count"]) for bucket in buckets})
    column.other = max(0, column.present - column.counts.total())
    return column
