"""Do captured rows keep to the constraints? The findings go into `constraint_violations.json`.

Format and checks: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-interpreting-violations.html. Two
kinds are ours: `range_check` (values outside the training rows' range, or negative ones where there were none) and
`duplicate_check` (more repeated rows than in training).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training.monitoring.columns import Numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training.monitoring.baseline import Baseline
    from training.monitoring.columns import Column, Texts
    from training.monitoring.drift import Drift
    from training.monitoring.table import Table

VIOLATIONS = "constraint_violations.json"

DUPLICATES = 0.1
"""By how much the share of repeated rows may exceed that of training."""

Violation = dict[str, str]


def check(table: Table, baseline: Baseline) -> list[Violation]:
    """All violations of the constraints but drift."""
    config = baseline.constraints.get("monitoring_config", {})
    if config.get("evaluate_constraints", "Enabled") != "Enabled" or not table.rows:
        return []
    found = list(_shape(table))
    for feature in baseline.constraints["features"]:
        column = table.columns[feature["name"]]
        settings = {**config, **feature.get("monitoringConfigOverrides", {})}
        found += _types(feature, column, settings)
        found += _completeness(feature, column)
        if isinstance(column, Numbers):
            found += _range(feature, column)
        else:
            found += _domain(feature, column, settings)
    usual = baseline.statistics["dataset"]
    before = usual.get("repeated_count", 0) / max(usual["item_count"], 1)
    now = table.repeated / table.rows
    if now - before > DUPLICATES:
        text = f"{now:.2%} of the rows repeat an earlier one, {before:.2%} of the training rows did"
        found.append(violation("dataset", "duplicate_check", text))
    return found


def drifted(drifts: list[Drift]) -> list[Violation]:
    """The alarms among the drift results."""
    return [
        violation(
            drift.feature,
            "baseline_drift_check",
            f"distance {drift.distance:.3f} over {drift.rows} rows, PSI {drift.psi:.3f}, "
            f"corrected p-value {drift.adjusted:.2g} ({drift.test})",
        )
        for drift in drifts
        if drift.alarm
    ]


def document(violations: list[Violation]) -> dict[str, Any]:
    """The `constraint_violations.json` of violations."""
    return {"violations": violations}


def violation(feature: str, check_type: str, description: str) -> Violation:
    """One entry."""
    return {"feature_name": feature, "constraint_check_type": check_type, "description": description}


def _shape(table: Table) -> Iterator[Violation]:
    width = len(table.columns)
    if table.short:
        yield violation("dataset", "missing_column_check", f"{table.short} rows have fewer than {width} values")
    if table.long:
        yield violation("dataset", "extra_column_check", f"{table.long} rows have more than {width} values")
    for name, count in table.lacking.items():
        yield violation(name, "missing_column_check", f"{count} of {table.rows} rows do not name it")
    for name, count in table.extra.items():
        yield violation(name, "extra_column_check", f"{count} of {table.rows} rows name it, training did not")


def _types(feature: dict[str, Any], column: Column, settings: dict[str, Any]) -> Iterator[Violation]:
    if not column.present or not isinstance(column, Numbers):
        return
    wrong, kind = column.mistyped, feature["inferred_type"]
    if kind == "Integral":
        wrong += column.count - column.whole
    share = wrong / column.present
    if share > settings.get("datatype_check_threshold", 0.1):
        yield violation(feature["name"], "data_type_check", f"{share:.2%} of the values are not {kind}")


def _completeness(feature: dict[str, Any], column: Column) -> Iterator[Violation]:
    total = column.present + column.missing
    wanted = feature.get("completeness", 0.0)
    if total and (share := column.present / total) < wanted:
        text = f"{share:.2%} of the rows have a value, {wanted:.2%} of the training rows had"
        yield violation(feature["name"], "completeness_check", text)


def _range(feature: dict[str, Any], column: Numbers) -> Iterator[Violation]:
    limits = feature.get("num_constraints", {})
    if not column.count:
        return
    if limits.get("is_non_negative") and column.low < 0:
        yield violation(feature["name"], "range_check", f"{column.low:g} is negative, no training value was")
    low, high = limits.get("minimum", column.low), limits.get("maximum", column.high)
    # Later rows go a little beyond the extremes of earlier ones without anything being wrong.
    margin = (high - low) / 2
    if column.low < low - margin or column.high > high + margin:
        text = f"{column.low:g} to {column.high:g} goes far beyond training's {low:g} to {high:g}"
        yield violation(feature["name"], "range_check", text)


def _domain(feature: dict[str, Any], column: Texts, settings: dict[str, Any]) -> Iterator[Violation]:
    domain = feature.get("string_constraints", {}).get("domains")
    if not domain or not column.present:
        return
    unknown = column.present - sum(column.counts[name] for name in domain)
    if (share := unknown / column.present) > settings.get("domain_content_threshold", 0.1):
        # The values themselves stay out of the text: it goes into logs, and they may be anybody's words.
        text = f"{share:.2%} of the values are none of the {len(domain)} that training had"
        yield violation(feature["name"], "categorical_values_check", text)
