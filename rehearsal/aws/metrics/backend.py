"""moto's CloudWatch backend on our store: exact dimensions, percentiles, metric math, alarms that start undecided."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from typing import Any

import moto.cloudwatch.urls as cloudwatch_urls
from moto.cloudwatch.exceptions import InvalidParameterValue, ValidationError
from moto.cloudwatch.models import CloudWatchBackend, MetricDatumBase

from rehearsal.aws.metrics import query
from rehearsal.aws.metrics.expression import ExpressionError
from rehearsal.aws.metrics.series import Feed, Store, key_of, seconds
from rehearsal.aws.metrics.statistic import StatisticError, compute

_MOST_POINTS = 1440  # GetMetricStatistics returns no more


class LocalCloudWatchBackend(CloudWatchBackend):
    """Metrics and alarms of one region."""

    @property
    def _url_module(self) -> Any:
        return cloudwatch_urls

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.store = Store()
        self.metric_data = Feed(self.store)
        self.held: dict[str, float] = {}

    def get_all_metrics(self) -> list[MetricDatumBase]:
        """Return one measurement per metric, for ListMetrics."""
        answer = [
            MetricDatumBase(namespace, name, [{"Name": k, "Value": v} for k, v in sorted(dimensions)], None)
            for namespace, name, dimensions in self.store.metrics()
        ]
        return answer + self.aws_metric_data

    def statistics(
        self,
        namespace: str,
        name: str,
        dimensions: dict[str, str],
        start: datetime,
        end: datetime,
        period: int,
        stats: list[str],
        unit: str | None,
    ) -> list[dict[str, Any]]:
        """Return the data points of GetMetricStatistics.

        Raises
        ------
        InvalidParameterValue
            For an empty or too fine time range, or an unknown statistic.
        """
        first, last = seconds(start), seconds(end)
        if first >= last:
            raise InvalidParameterValue("The parameter StartTime must be less than the parameter EndTime.")
        key = key_of(namespace, name, dimensions)
        points = [p for p in self.store.window(key, first, last) if unit in (None, p.unit)]
        windows: dict[float, list[Any]] = {}
        for point in points:
            windows.setdefault(math.floor(point.time / period) * period, []).append(point)
        if len(windows) > _MOST_POINTS:
            raise InvalidParameterValue(f"You have requested {len(windows)} datapoints: the limit is {_MOST_POINTS}")
        answer = []
        for moment, members in sorted(windows.items()):
            found: dict[str, Any] = {
                "Timestamp": datetime.fromtimestamp(moment, UTC),
                "Unit": members[-1].unit or "None",
            }
            for stat in stats:
                value = _computed(members, stat)
                if stat.startswith("p"):
                    found.setdefault("ExtendedStatistics", {})[stat] = value
                else:
                    found[stat] = value
            answer.append(found)
        return answer

    def get_metric_data(
        self,
        queries: list[dict[str, Any]],
        start_time: datetime,
        end_time: datetime,
        scan_by: str = "TimestampAscending",
    ) -> list[dict[str, Any]]:
        """Answer GetMetricData, with metric math.

        Raises
        ------
        ValidationError
            For an empty time range, an unknown statistic or an expression that is not supported.
        """
        first, last = seconds(start_time), seconds(end_time)
        if first >= last:
            raise ValidationError("The parameter EndTime must be greater than StartTime.")
        asked = [query.from_request(entry) for entry in queries]
        try:
            found = query.series(self.store, asked, first, last)
        except (ExpressionError, StatisticError) as error:
            raise ValidationError(str(error)) from error
        answer = []
        for entry in asked:
            if entry.returned:
                pairs = found[entry.id]
                if scan_by == "TimestampDescending":
                    pairs = pairs[::-1]
                answer.append(
                    {
                        "id": entry.id,
                        "label": entry.label,
                        "values": [value for _, value in pairs],
                        "timestamps": [datetime.fromtimestamp(moment, UTC) for moment, _ in pairs],
                        "status_code": "Complete",
                    }
                )
        return answer

    def put_metric_alarm(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Store an alarm; a new one is undecided, a changed one keeps its state until the next look."""
        before = self.alarms.get(name)
        alarm = super().put_metric_alarm(name, *args, **kwargs)
        if before is None:
            alarm.state_value = "INSUFFICIENT_DATA"
        else:
            for attribute in ("state_value", "state_reason", "state_reason_data", "state_updated_timestamp", "history"):
                setattr(alarm, attribute, getattr(before, attribute))
        return alarm

    def delete_alarms(self, alarm_names: list[str]) -> None:
        """Forget alarms."""
        super().delete_alarms(alarm_names)
        for name in alarm_names:
            self.held.pop(name, None)

    def set_alarm_state(self, alarm_name: str, reason: str, reason_data: str, state_value: str) -> None:
        """Set a state by hand: its actions run, and it holds until the next evaluation after one period."""
        from rehearsal.aws.context import current
        from rehearsal.aws.metrics import notices

        before = self.alarms[alarm_name].state_value if alarm_name in self.alarms else ""
        super().set_alarm_state(alarm_name, reason, reason_data, state_value)
        alarm = self.alarms[alarm_name]
        self.held[alarm_name] = time.monotonic() + current().scaled(float(alarm.period or 60))
        if state_value != before:
            notices.act(current(), alarm, before)


def _computed(members: list[Any], stat: str) -> float | None:
    try:
        return compute(members, stat)
    except StatisticError as error:
        raise InvalidParameterValue(str(error)) from error
