"""CloudWatch operations that moto answers without percentiles or exact dimensions."""

from __future__ import annotations

from moto.cloudwatch.exceptions import InvalidParameterCombination
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult


def install() -> None:
    """Replace the methods on moto's response class."""
    CloudWatchResponse.get_metric_statistics = get_metric_statistics


def get_metric_statistics(self: CloudWatchResponse) -> ActionResult:
    """GetMetricStatistics, with ExtendedStatistics."""
    stats = [*(self._get_param("Statistics") or []), *(self._get_param("ExtendedStatistics") or [])]
    if not stats:
        raise InvalidParameterCombination("Must specify either Statistics or ExtendedStatistics")
    name = self._get_param("MetricName")
    points = self.cloudwatch_backend.statistics(
        self._get_param("Namespace"),
        name,
        {d["Name"]: d["Value"] for d in self._get_param("Dimensions") or []},
        self._get_param("StartTime"),
        self._get_param("EndTime"),
        int(self._get_param("Period")),
        stats,
        self._get_param("Unit"),
    )
    return ActionResult({"Label": name, "Datapoints": points})
