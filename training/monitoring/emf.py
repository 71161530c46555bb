"""Figures as CloudWatch's embedded metric format: log lines that become metrics.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAMESPACE = "Slipway/Monitoring"
PER_LINE = 100
"""Metrics that one directive may define."""


def lines(
    figures: Mapping[str, float | None], dimensions: Mapping[str, str], milliseconds: int, namespace: str = NAMESPACE
) -> Iterator[str]:
    """Log lines that hold the figures; one that is not known or not finite is left out, as CloudWatch takes none such.

    Parameters
    ----------
    dimensions
        What the figures are about: at most 30, each with a value.
    milliseconds
        When, since 1970.
    """
    known = {name: value for name, value in figures.items() if value is not None and math.isfinite(value)}
    for start in range(0, len(known), PER_LINE):
        names = list(known)[start : start + PER_LINE]
        directive = {
            "Namespace": namespace,
            "Dimensions": [list(dimensions)],
            "Metrics": [{"Name": name, "Unit": unit(name)} for name in names],
        }
        body: dict[str, Any] = {**dimensions, **{name: known[name] for name in names}}
        yield json.dumps({"_aws": {"Timestamp": milliseconds, "CloudWatchMetrics": [directive]}, **body})


def unit(name: str) -> str:
    """Counts say so by their name; all else has no unit."""
    return "Count" if name.endswith(("Count", "Alarms", "Violations")) else "None"
