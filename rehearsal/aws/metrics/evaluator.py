"""Looks at every alarm, on windows as long as its period divided by the speed, and lets it act.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import json
import logging
import operator
import threading
import time
from typing import TYPE_CHECKING, Any

from rehearsal.aws.metrics import notices, query
from rehearsal.aws.metrics.expression import ExpressionError
from rehearsal.aws.metrics.series import key_of
from rehearsal.aws.metrics.statistic import StatisticError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rehearsal.aws.context import Context

log = logging.getLogger(__name__)

_STEP = 0.5  # seconds between two looks
_MORE_PERIODS = 2  # CloudWatch looks this much further back for periods that have data
_OPERATORS = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


class Evaluator:
    """Evaluates alarms until it is stopped."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin in the background."""
        threading.Thread(target=self._loop, name="alarms", daemon=True).start()

    def stop(self) -> None:
        """Evaluate no more."""
        self._stop.set()

    def _loop(self) -> None:
        from moto.core.base_backend import BackendDict

        while not self._stop.wait(_STEP):
            if not any(backend.service_name == "cloudwatch" for backend in BackendDict._instances):
                continue
            from moto.cloudwatch.models import cloudwatch_backends

            for _, _, backend in list(cloudwatch_backends.iter_backends()):
                for alarm in list(backend.alarms.values()):
                    self._look(backend, alarm)

    def _look(self, backend: Any, alarm: Any) -> None:
        if alarm.rule is not None or backend.held.get(alarm.name, 0.0) > time.monotonic():
            return
        try:
            values = window_values(self._context, backend, alarm, time.time())
        except (ExpressionError, StatisticError) as error:
            if alarm.state_reason != str(error):
                log.warning("alarm %s cannot be evaluated: %s", alarm.name, error)
                alarm.state_reason = str(error)
            return
        state = decide(alarm, values)
        if state is not None and state != alarm.state_value:
            before = alarm.state_value
            shown = [value for value in values[: alarm.evaluation_periods] if value is not None]
            reason = _reason(alarm, state, shown)
            alarm.update_state(reason, json.dumps({"recentDatapoints": shown, "threshold": alarm.threshold}), state)
            try:
                notices.act(self._context, alarm, before)
            except Exception:
                log.exception("the actions of alarm %s failed", alarm.name)


def _reason(alarm: Any, state: str, shown: list[float]) -> str:
    if shown:
        side = "crossed" if state == "ALARM" else "did not cross"
        return f"Threshold: {len(shown)} recent datapoints {shown} {side} the threshold ({alarm.threshold})."
    if state == "INSUFFICIENT_DATA":
        return "Insufficient data: no datapoints were received."
    return f"No datapoints were received, and missing ones are treated as {alarm.treat_missing_data}."


def window_values(context: Context, backend: Any, alarm: Any, now: float) -> list[float | None]:
    """Return the alarm's value in each of its latest windows, newest first; None where there is no data."""
    queries, watched, period = _queries(alarm)
    length = context.scaled(period)
    count = int(alarm.evaluation_periods) + _MORE_PERIODS
    return [
        query.values_in(backend.store, queries, now - (index + 1) * length, now - index * length).get(watched)
        for index in range(count)
    ]


def decide(alarm: Any, values: Sequence[float | None]) -> str | None:
    """Return the state that the windows call for; None leaves the alarm as it is.

    Parameters
    ----------
    values
        Newest first, ``evaluation_periods`` of them and some more to look further back.
    """
    wanted = int(alarm.evaluation_periods)
    needed = int(alarm.datapoints_to_alarm or wanted)
    breaches = _OPERATORS.get(alarm.comparison_operator)
    if breaches is None:
        return None
    missing = alarm.treat_missing_data or "missing"
    recent = list(values[:wanted])
    if missing in ("breaching", "notBreaching"):
        bad = sum(missing == "breaching" if value is None else breaches(value, alarm.threshold) for value in recent)
        return "ALARM" if bad >= needed else "OK"
    found = [value for value in values if value is not None][:wanted]
    if not found:
        return None if missing == "ignore" else "INSUFFICIENT_DATA"
    bad = sum(breaches(value, alarm.threshold) for value in found)
    return "ALARM" if bad >= min(needed, len(found)) else "OK"


def _queries(alarm: Any) -> tuple[list[query.Query], str, float]:
    """Return the queries of an alarm, the one that is compared, and the period in seconds."""
    if not alarm.metric_data_queries:
        dimensions = {d.name: d.value for d in alarm.dimensions}
        stat = alarm.extended_statistic or alarm.statistic or "Average"
        key = key_of(alarm.namespace, alarm.metric_name, dimensions)
        period = float(alarm.period or 60)
        return [query.Query("value", "value", True, period, key, stat)], "value", period
    queries = [_from_alarm(entry) for entry in alarm.metric_data_queries]
    watched = next((q.id for q in queries if q.returned), queries[-1].id)
    return queries, watched, min((q.period for q in queries if q.period), default=60.0)


def _from_alarm(entry: Any) -> query.Query:
    returned = str(entry.return_data).lower() == "true"
    if entry.metric_stat is None:
        period = float(entry.period) if entry.period else None
        return query.Query(entry.id, entry.label or entry.id, returned, period, expression=entry.expression)
    metric = entry.metric_stat.metric
    key = key_of(metric.namespace, metric.metric_name, {d.name: d.value for d in metric.dimensions})
    return query.Query(
        entry.id, entry.label or entry.id, returned, float(entry.metric_stat.period), key, entry.metric_stat.stat
    )
