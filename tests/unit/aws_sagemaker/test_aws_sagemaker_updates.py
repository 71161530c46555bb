"""Updates of an endpoint: side by side, without a lost request, and back again where an alarm or a start says so."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from aws_sagemaker_server import Server, wait_until
from botocore.exceptions import ClientError
from test_aws_sagemaker_endpoint import config, endpoint, model, said, settled, status


def test_an_update_loses_no_request(aws: Server) -> None:
    # given a busy endpoint
    model(aws, "blue")
    model(aws, "green")
    endpoint(aws, "busy", config(aws, "blue"))
    answers: list[str] = []

    def ask(_: int) -> None:
        while not answers or answers[-1] != "green" or status(aws, "busy") != "InService":
            answers.append(said(aws, "busy")["model"])

    # when it is updated by canary under load
    deployment = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                "WaitIntervalInSeconds": 60,
            },
            "TerminationWaitInSeconds": 30,
        }
    }
    with ThreadPoolExecutor(3) as pool:
        askers = [pool.submit(ask, n) for n in range(3)]
        aws.sagemaker.update_endpoint(
            EndpointName="busy", EndpointConfigName=config(aws, "green"), DeploymentConfig=deployment
        )
        assert status(aws, "busy") == "Updating"
        with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
            aws.sagemaker.delete_endpoint(EndpointName="busy")
        for asker in askers:
            asker.result(timeout=30)
    # then both fleets served for a while, only the new one does now, and nothing failed
    switch = answers.index("green")
    assert "blue" in answers[switch:]
    assert {said(aws, "busy")["model"] for _ in range(5)} == {"green"}
    described = aws.sagemaker.describe_endpoint(EndpointName="busy")
    assert described["LastDeploymentConfig"] == deployment
    assert "FailureReason" not in described
    assert "PendingDeploymentSummary" not in described
    aws.sagemaker.delete_endpoint(EndpointName="busy")


def test_an_alarm_during_baking_rolls_back(aws: Server) -> None:
    model(aws, "old")
    model(aws, "bad")
    first, second = config(aws, "old"), config(aws, "bad")
    endpoint(aws, "guarded", first)
    aws.cloudwatch.put_metric_alarm(
        AlarmName="guard",
        Namespace="test",
        MetricName="errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    routing = {"Type": "LINEAR", "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 50}}
    aws.sagemaker.update_endpoint(
        EndpointName="guarded",
        EndpointConfigName=second,
        DeploymentConfig={
            "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {**routing, "WaitIntervalInSeconds": 3600}},
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "guard"}]},
        },
    )

    def baking() -> bool:
        pending = aws.sagemaker.describe_endpoint(EndpointName="guarded").get("PendingDeploymentSummary", {})
        variants = pending.get("ProductionVariants", [{}])
        return variants[0].get("VariantStatus", [{}])[0].get("Status") == "Baking"

    wait_until(baking)
    assert {said(aws, "guarded")["model"] for _ in range(40)} == {"old", "bad"}
    aws.cloudwatch.set_alarm_state(AlarmName="guard", StateValue="ALARM", StateReason="test")
    described = settled(aws, "guarded")
    assert described["EndpointStatus"] == "InService"
    assert described["EndpointConfigName"] == first
    assert "guard" in described["FailureReason"]
    assert {said(aws, "guarded")["model"] for _ in range(10)} == {"old"}
    aws.sagemaker.delete_endpoint(EndpointName="guarded")


def test_an_update_that_cannot_start_leaves_the_old_fleet(aws: Server) -> None:
    model(aws, "steady")
    model(aws, "broken", ping=503)
    first = config(aws, "steady")
    endpoint(aws, "steady", first)
    aws.sagemaker.update_endpoint(EndpointName="steady", EndpointConfigName=config(aws, "broken"))
    described = settled(aws, "steady")
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", first)
    assert "ping health check" in described["FailureReason"]
    assert said(aws, "steady")["model"] == "steady"
    aws.sagemaker.delete_endpoint(EndpointName="steady")


def test_an_update_can_keep_the_counts(aws: Server) -> None:
    model(aws, "kept")
    endpoint(aws, "kept", config(aws, "kept"))
    aws.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="kept", DesiredWeightsAndCapacities=[{"VariantName": "kept", "DesiredInstanceCount": 2}]
    )
    settled(aws, "kept")
    aws.sagemaker.update_endpoint(
        EndpointName="kept", EndpointConfigName=config(aws, "kept"), RetainAllVariantProperties=True
    )
    assert settled(aws, "kept")["ProductionVariants"][0]["DesiredInstanceCount"] == 2
    aws.sagemaker.delete_endpoint(EndpointName="kept")
