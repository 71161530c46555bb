"""What an alarm does when its state changes: actions on topics and functions, and an event on the default bus."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rehearsal.aws.delivery import Errand, deliver_quietly

if TYPE_CHECKING:
    from rehearsal.aws.context import Context

log = logging.getLogger(__name__)

_ACTIONS = {"ALARM": "alarm_actions", "OK": "ok_actions", "INSUFFICIENT_DATA": "insufficient_data_actions"}
_DUTIES = {"sns": "alarm action", "lambda": "alarm function"}
_REGION_NAMES = {"eu-west-1": "EU (Ireland)", "us-east-1": "US East (N. Virginia)", "eu-central-1": "EU (Frankfurt)"}


def act(context: Context, alarm: Any, before: str) -> None:
    """Run the actions of the state that the alarm has now; scaling actions belong to Application Auto Scaling."""
    log.info("alarm %s: %s -> %s (%s)", alarm.name, before, alarm.state_value, alarm.state_reason)
    if alarm.actions_enabled:
        body = json.dumps(message(context, alarm, before))
        place = _REGION_NAMES.get(alarm.region_name, alarm.region_name)
        subject = f'{alarm.state_value}: "{alarm.name}" in {place}'[:100]
        for arn in getattr(alarm, _ACTIONS[alarm.state_value]) or []:
            if arn.split(":")[2] in _DUTIES:
                errand = Errand(_DUTIES[arn.split(":")[2]], alarm.alarm_arn)
                deliver_quietly(context, arn, body, subject=subject, errand=errand)
    _announce(context, alarm, before)


def message(context: Context, alarm: Any, before: str) -> dict[str, Any]:
    """Return the notification in the format that subscribers of alarm topics parse."""
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": context.account_id,
        "AlarmConfigurationUpdatedTimestamp": _time(alarm.configuration_updated_timestamp),
        "NewStateValue": alarm.state_value,
        "NewStateReason": alarm.state_reason,
        "StateChangeTime": _time(alarm.state_updated_timestamp),
        "Region": _REGION_NAMES.get(alarm.region_name, alarm.region_name),
        "AlarmArn": alarm.alarm_arn,
        "OldStateValue": before,
        "OKActions": alarm.ok_actions,
        "AlarmActions": alarm.alarm_actions,
        "InsufficientDataActions": alarm.insufficient_data_actions,
        "Trigger": {
            "MetricName": alarm.metric_name,
            "Namespace": alarm.namespace,
            "StatisticType": "ExtendedStatistic" if alarm.extended_statistic else "Statistic",
            "Statistic": (alarm.extended_statistic or alarm.statistic or "").upper(),
            "Unit": alarm.unit,
            "Dimensions": [{"value": d.value, "name": d.name} for d in alarm.dimensions],
            "Period": alarm.period,
            "EvaluationPeriods": alarm.evaluation_periods,
            "DatapointsToAlarm": alarm.datapoints_to_alarm or alarm.evaluation_periods,
            "ComparisonOperator": alarm.comparison_operator,
            "Threshold": alarm.threshold,
            "TreatMissingData": alarm.treat_missing_data or "missing",
        },
    }


def _announce(context: Context, alarm: Any, before: str) -> None:
    from rehearsal.aws.events import announce

    detail = {
        "alarmName": alarm.name,
        "state": {"value": alarm.state_value, "reason": alarm.state_reason, "timestamp": _time(datetime.now(UTC))},
        "previousState": {"value": before},
    }
    announce(context, "aws.cloudwatch", "CloudWatch Alarm State Change", detail, [alarm.alarm_arn])


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
