"""Application Auto Scaling changes the number of instances by itself."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from aws_sagemaker_server import Server, wait_until
from botocore.exceptions import ClientError
from test_aws_sagemaker_endpoint import config, endpoint, model, said, settled

from rehearsal.aws.sagemaker.autoscaling.tracking import IN_PERIODS, OUT_PERIODS, combined, wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

DIMENSION = "sagemaker:variant:DesiredInstanceCount"


@pytest.mark.parametrize(
    ("capacity", "readings", "expected"),
    [
        (2, [90.0] * OUT_PERIODS, 2),
        (2, [101.0] * (OUT_PERIODS - 1), 2),
        (2, [50.0] * 12 + [101.0] * OUT_PERIODS, 3),
        (2, [101.0, 101.0, 250.0], 5),
        (4, [0.0] * (IN_PERIODS - 1), 4),
        (4, [10.0] * IN_PERIODS, 1),
        (4, [89.0] * IN_PERIODS, 4),
        (4, [95.0] + [10.0] * (IN_PERIODS - 1), 4),
        (4, [0.0] * IN_PERIODS, 0),
        (1, [], 1),
    ],
)
def test_the_wanted_capacity_follows_the_target(capacity: int, readings: list[float], expected: int) -> None:
    assert wanted(capacity, 100.0, readings) == expected


def test_scale_in_can_be_switched_off() -> None:
    assert wanted(4, 100.0, [0.0] * IN_PERIODS, scale_in=False) == 4


def test_several_policies_take_the_largest_wish() -> None:
    assert combined(3, [2, 5, 3]) == 5
    assert combined(3, [2, 1]) == 2
    assert combined(3, []) == 3


class Scaled:
    """An endpoint that is a scalable target."""

    def __init__(self, aws: Server) -> None:
        self.aws, self.client = aws, aws.client("application-autoscaling")
        self.target = {
            "ServiceNamespace": "sagemaker",
            "ResourceId": "endpoint/scaled/variant/scaled",
            "ScalableDimension": DIMENSION,
        }

    def limits(self, least: int, most: int, **more: Any) -> None:
        self.client.register_scalable_target(**self.target, MinCapacity=least, MaxCapacity=most, **more)

    def count(self) -> int:
        described = self.aws.sagemaker.describe_endpoint(EndpointName="scaled")
        return described["ProductionVariants"][0]["CurrentInstanceCount"]

    def activities(self) -> list[dict[str, Any]]:
        return self.client.describe_scaling_activities(**self.target)["ScalingActivities"]


@pytest.fixture(scope="module")
def scaled(aws: Server) -> Iterator[Scaled]:
    model(aws, "scaled")
    endpoint(aws, "scaled", config(aws, "scaled"))
    yield Scaled(aws)
    settled(aws, "scaled")


def test_target_tracking_scales_out_under_load_and_in_when_it_is_over(aws: Server, scaled: Scaled) -> None:
    # given a target of one request per second and instance
    scaled.limits(1, 2)
    scaled.client.put_scaling_policy(
        **scaled.target,
        PolicyName="track",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 60.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
            "ScaleOutCooldown": 0,
            "ScaleInCooldown": 0,
        },
    )
    over = threading.Event()

    def load() -> None:
        while not over.wait(0.02):
            said(aws, "scaled")

    thread = threading.Thread(target=load)
    thread.start()
    try:
        # when many more come, then a second instance is started, and no more than the limit
        wait_until(lambda: scaled.count() == 2)
    finally:
        over.set()
        thread.join()
    activity = scaled.activities()[0]
    assert activity["StatusCode"] == "Successful"
    assert activity["Description"] == "Setting desired instance count to 2."
    assert "triggered policy track" in activity["Cause"]
    # when it is quiet, then one is left
    wait_until(lambda: scaled.count() == 1, 30)
    assert "AlarmLow" in scaled.activities()[0]["Cause"]
    scaled.client.delete_scaling_policy(**scaled.target, PolicyName="track")


def test_a_raised_minimum_is_filled_and_a_scheduled_action_lowers_it(scaled: Scaled) -> None:
    scaled.limits(2, 2)
    wait_until(lambda: scaled.count() == 2)
    assert scaled.activities()[0]["Cause"] == "minimum capacity was set to 2"
    scaled.client.put_scheduled_action(
        **scaled.target,
        ScheduledActionName="night",
        Schedule="rate(2 minutes)",
        ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 1},
    )
    wait_until(lambda: scaled.count() == 1)


def test_a_target_without_an_endpoint_is_left_alone(scaled: Scaled) -> None:
    target = {**scaled.target, "ResourceId": "endpoint/gone/variant/x"}
    scaled.client.register_scalable_target(**target, MinCapacity=3, MaxCapacity=5)
    assert scaled.client.describe_scaling_activities(**target)["ScalingActivities"] == []


def test_an_endpoint_that_is_scaling_refuses_other_changes(aws: Server, scaled: Scaled) -> None:
    scaled.limits(1, 2)
    aws.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="scaled", DesiredWeightsAndCapacities=[{"VariantName": "scaled", "DesiredInstanceCount": 2}]
    )
    with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
        aws.sagemaker.delete_endpoint(EndpointName="scaled")
