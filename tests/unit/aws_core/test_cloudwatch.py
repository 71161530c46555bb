"""Metrics are computed as CloudWatch computes them, and alarms act."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from rehearsal.aws.metrics.evaluator import decide
from rehearsal.aws.metrics.expression import ExpressionError, evaluate
from rehearsal.aws.metrics.series import Point
from rehearsal.aws.metrics.statistic import StatisticError, compute
from tests.unit.aws_core.conftest import eventually


def points(*values):
    return [Point(float(i), v, 1.0, v, v, None) for i, v in enumerate(values)]


@pytest.mark.parametrize(
    ("stat", "expected"),
    [("Sum", 10), ("Average", 2.5), ("Minimum", 1), ("Maximum", 4), ("SampleCount", 4), ("p50", 2.5), ("p100", 4)],
)
def test_statistics(stat, expected):
    assert compute(points(4, 1, 3, 2), stat) == expected
    assert compute([], stat) is None


def test_an_unknown_statistic_is_refused():
    with pytest.raises(StatisticError, match="tm99"):
        compute(points(1), "tm99")


def test_metric_math():
    values = {"errors": 2.0, "calls": 8.0, "none": None}
    assert evaluate("100 * errors / calls", values) == 25
    assert evaluate("FILL(none, 0) + errors", values) == 2
    assert evaluate("none + errors", values) is None
    assert evaluate("errors / (calls - 8)", values) is None
    assert evaluate("IF(errors > 1 AND calls > 1, 1, 0)", values) == 1
    assert evaluate("SUM([errors, calls])", values) == 10
    assert evaluate("MAX(METRICS())", values) == 8
    with pytest.raises(ExpressionError, match="ANOMALY_DETECTION_BAND"):
        evaluate("ANOMALY_DETECTION_BAND(errors, 2)", values)


@pytest.mark.parametrize(
    ("values", "missing", "expected"),
    [
        ([2.0, 2.0, 2.0], "missing", "ALARM"),
        ([2.0, 0.0, 2.0], "missing", "OK"),
        ([None, None, None, None, None], "missing", "INSUFFICIENT_DATA"),
        ([None, None, None], "ignore", None),
        ([None, None, None], "breaching", "ALARM"),
        ([2.0, None, 2.0], "notBreaching", "OK"),
        ([2.0, None, 2.0], "breaching", "ALARM"),
        ([None, None, 2.0], "missing", "ALARM"),
    ],
)
def test_decisions(values, missing, expected):
    alarm = SimpleNamespace(
        evaluation_periods=3,
        datapoints_to_alarm=None,
        comparison_operator="GreaterThanThreshold",
        threshold=1.0,
        treat_missing_data=missing,
    )
    assert decide(alarm, values) == expected


def test_two_of_three_is_enough_when_asked():
    alarm = SimpleNamespace(
        evaluation_periods=3,
        datapoints_to_alarm=2,
        comparison_operator="GreaterThanThreshold",
        threshold=1.0,
        treat_missing_data="notBreaching",
    )
    assert decide(alarm, [2.0, None, 2.0]) == "ALARM"


def test_dimensions_are_exact_and_percentiles_come_back(client, name):
    api = client("cloudwatch")
    for value in (1, 2, 3):
        api.put_metric_data(
            Namespace=name,
            MetricData=[{"MetricName": "m", "Value": value, "Dimensions": [{"Name": "a", "Value": "1"}]}],
        )
    api.put_metric_data(
        Namespace=name,
        MetricData=[{"MetricName": "m", "Values": [9.0, 10.0], "Counts": [2, 1]}],
    )
    span = {"StartTime": datetime.now(UTC) - timedelta(minutes=5), "EndTime": datetime.now(UTC) + timedelta(minutes=5)}
    answer = api.get_metric_statistics(
        Namespace=name,
        MetricName="m",
        Period=600,
        Statistics=["Sum"],
        ExtendedStatistics=["p50"],
        Dimensions=[{"Name": "a", "Value": "1"}],
        **span,
    )["Datapoints"]
    assert sum(p["Sum"] for p in answer) == 6
    assert answer[-1]["ExtendedStatistics"]["p50"] in (2.0, 1.0, 3.0)
    plain = api.get_metric_statistics(Namespace=name, MetricName="m", Period=600, Statistics=["SampleCount"], **span)
    assert sum(p["SampleCount"] for p in plain["Datapoints"]) == 3
    assert len(api.list_metrics(Namespace=name)["Metrics"]) == 2
    query = [
        {
            "Id": "m1",
            "ReturnData": False,
            "MetricStat": {"Metric": {"Namespace": name, "MetricName": "m"}, "Period": 600, "Stat": "Maximum"},
        },
        {"Id": "e1", "Expression": "m1 * 2"},
    ]
    data = api.get_metric_data(MetricDataQueries=query, **span)["MetricDataResults"]
    assert [d["Id"] for d in data] == ["e1"]
    assert max(data[0]["Values"]) == 20
    query[1]["Expression"] = "SEARCH('x', 'Sum')"
    with pytest.raises(ClientError) as error:
        api.get_metric_data(MetricDataQueries=query, **span)
    assert error.value.response["Error"]["Code"].startswith("Validation")


def test_an_alarm_goes_off_and_recovers_and_tells_its_topic(client, name, queue, receive):
    topic = client("sns").create_topic(Name=name)["TopicArn"]
    client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue[1], Attributes={"RawMessageDelivery": "true"}
    )
    api = client("cloudwatch")
    api.put_metric_alarm(
        AlarmName=name,
        Namespace=name,
        MetricName="errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[topic],
        OKActions=[topic],
    )

    def state():
        return api.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"]

    assert eventually(lambda: state() == "OK")
    first = json.loads(receive(queue[0])[0]["Body"])
    assert (first["OldStateValue"], first["NewStateValue"]) == ("INSUFFICIENT_DATA", "OK")
    for _ in range(20):
        api.put_metric_data(Namespace=name, MetricData=[{"MetricName": "errors", "Value": 1}])
        if state() == "ALARM":
            break
        time.sleep(0.1)
    assert json.loads(receive(queue[0])[0]["Body"])["NewStateValue"] == "ALARM"
    assert eventually(lambda: state() == "OK")


def test_a_state_set_by_hand_acts_too(client, name, queue, receive):
    topic = client("sns").create_topic(Name=name)["TopicArn"]
    client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue[1], Attributes={"RawMessageDelivery": "true"}
    )
    api = client("cloudwatch")
    api.put_metric_alarm(
        AlarmName=name,
        Namespace=name,
        MetricName="quiet",
        ExtendedStatistic="p99",
        Period=600,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
        AlarmActions=[topic],
    )
    api.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="drill")
    message = json.loads(receive(queue[0])[0]["Body"])
    assert (message["NewStateReason"], message["Trigger"]["Statistic"]) == ("drill", "P99")
    with pytest.raises(ClientError) as error:
        api.set_alarm_state(AlarmName="nobody", StateValue="ALARM", StateReason="drill")
    assert error.value.response["Error"]["Code"].startswith("ResourceNotFound")
