"""Application Auto Scaling changes the number of instances by itself."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from aws_sagemaker_server import Server, wait_until
from botocore.exceptions import ClientError
from test_aws_sagemaker_endpoint import config, endpoint, model, said, settled

from rehearsal.aws.context import Context
from rehearsal.aws.sagemaker.autoscaling import adapters, loop
from rehearsal.aws.sagemaker.autoscaling.decision import Memory, Policy
from rehearsal.aws.sagemaker.autoscaling.tracking import IN_PERIODS, OUT_PERIODS, periods_in, wanted
from rehearsal.aws.sagemaker.serving import traffic
from rehearsal.aws.sagemaker.serving.traffic import Sample

if TYPE_CHECKING:
    from collections.abc import Iterator

DIMENSION = "sagemaker:variant:DesiredInstanceCount"
INVOCATIONS = "SageMakerVariantInvocationsPerInstance"
CONCURRENCY = "SageMakerVariantConcurrentRequestsPerModelHighResolution"


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


def test_a_metric_that_comes_every_ten_seconds_scales_in_no_faster_than_one_that_comes_every_minute() -> None:
    assert periods_in(INVOCATIONS) == IN_PERIODS
    assert periods_in(CONCURRENCY) == 90
    assert wanted(4, 100.0, [10.0] * 89, in_periods=90) == 4
    assert wanted(4, 100.0, [10.0] * 90, in_periods=90) == 1


def policy(readings: list[float], name: str = "p", out_cooldown: float = 300, **more: Any) -> Policy:
    return Policy(name, 100.0, readings, IN_PERIODS, out_cooldown=out_cooldown, in_cooldown=300, **more)


def memory() -> Memory:
    return Memory(lambda seconds: seconds / 10)


def test_several_policies_take_the_largest_wish() -> None:
    busy, calm, quiet = [150.0] * 15, [95.0] * 15, [10.0] * 15
    assert memory().decide([policy(busy), policy(quiet, "q")], 4, 0.0)[0] == 6
    assert memory().decide([policy(quiet), policy([50.0] * 15, "q")], 4, 0.0)[0] == 2
    # a fleet shrinks only when all policies that may shrink it are ready to
    assert memory().decide([policy(calm), policy(quiet, "q")], 4, 0.0)[0] == 4
    assert memory().decide([policy(calm, scale_in=False), policy(quiet, "q")], 4, 0.0)[0] == 1
    assert memory().decide([policy(quiet), policy([10.0] * 14, "q")], 4, 0.0)[0] == 4
    assert memory().decide([], 4, 0.0) == (4, None)


def test_a_larger_scale_out_goes_through_within_the_cooldown_and_an_equal_one_does_not() -> None:
    # given a scale-out from two to four, whose cooldown of 300 s lasts 30 s here
    held, cause = memory(), policy([200.0] * 3)
    assert held.decide([cause], 2, 0.0) == (4, cause)
    held.complete(cause, 2, 4, 0.0)
    # then what asks for no more than four of the first two waits, and what asks for six goes through
    assert held.decide([policy([190.0] * 3)], 4, 10.0) == (4, None)
    larger = policy([300.0] * 3)
    assert held.decide([larger], 4, 20.0) == (6, larger)
    held.complete(larger, 4, 6, 20.0)
    # which begins the cooldown anew: it ends at 50 s, not at 30 s
    assert held.decide([policy([200.0] * 3)], 6, 40.0) == (6, None)
    assert held.decide([policy([200.0] * 3)], 6, 50.0)[0] == 12


def test_a_scale_in_waits_for_both_cooldowns_and_a_scale_out_for_none_of_a_scale_in() -> None:
    held, busy, quiet = memory(), policy([150.0] * 15), policy([40.0] * 15)
    held.complete(busy, 2, 5, 0.0)
    assert held.decide([quiet], 5, 29.0) == (5, None)
    assert held.decide([quiet], 5, 35.0) == (2, quiet)
    held.complete(quiet, 5, 2, 35.0)
    assert held.decide([quiet], 2, 42.0) == (2, None)
    assert held.decide([busy], 2, 51.0) == (3, busy)
    # which ends the cooldown of the scale-in; its own is over when it has none
    held.complete(policy([], out_cooldown=0), 2, 3, 51.0)
    assert held.decide([quiet], 3, 58.0)[0] == 2


def test_an_alarm_calls_its_policy_again_after_a_minute() -> None:
    held, busy = memory(), policy([150.0] * 15, out_cooldown=0)
    assert held.decide([busy], 2, 0.0)[0] == 3
    held.complete(busy, 2, 3, 0.0)
    assert held.decide([busy], 3, 5.9) == (3, None)
    assert held.decide([busy], 3, 6.0)[0] == 5


@pytest.mark.parametrize(
    ("suspended", "reading", "left"),
    [
        (None, 150.0, 6),
        (None, 10.0, 1),
        ("DynamicScalingOutSuspended", 150.0, 4),
        ("DynamicScalingOutSuspended", 10.0, 1),
        ("DynamicScalingInSuspended", 150.0, 6),
        ("DynamicScalingInSuspended", 10.0, 4),
    ],
)
def test_what_is_suspended_does_not_happen(suspended: str | None, reading: float, left: int) -> None:
    # given a fleet of four with a policy, and readings that ask for another size
    place = {"resource_id": "endpoint/e/variant/v", "scalable_dimension": DIMENSION}
    tracking = {"TargetValue": 100.0, "PredefinedMetricSpecification": {"PredefinedMetricType": INVOCATIONS}}
    tracked = SimpleNamespace(policy_name="p", target_tracking_scaling_policy_configuration=tracking, **place)
    target: Any = SimpleNamespace(arn="a", service_namespace="sagemaker", min_capacity=1, max_capacity=9, **place)
    target.suspended_state = {suspended: True} if suspended else None
    backend: Any = SimpleNamespace(policies={"p": tracked})
    size = [4]
    adapter = adapters.Adapter(
        lambda _: size[-1], lambda _, count: size.append(count), lambda _, __, periods: [reading] * periods
    )
    # when the loop looks at it
    loop.Scaler(Context("http://127.0.0.1:0", Path("/nonexistent")))._scale(backend, target, adapter)
    assert size[-1] == left


def test_reports_that_come_late_or_span_several_periods_leave_no_gap() -> None:
    def ends(*samples: tuple[float, float]) -> list[list[float]]:
        made = [Sample(at, seconds, 1, 1, 1) for at, seconds in samples]
        return [[sample.at for sample in group] for group in adapters._grouped(made, 1.0, 5)]

    assert ends((1.0, 1.0), (2.0, 1.0), (3.0, 1.0)) == [[1.0], [2.0], [3.0]]
    assert ends((1.0, 1.0), (3.1, 1.1), (4.2, 1.1)) == [[1.0], [1.0], [3.1], [4.2]]
    assert ends((3.0, 3.0), (6.0, 3.0)) == [[3.0], [3.0], [6.0], [6.0], [6.0]]
    assert ends((1.5, 0.5), (2.0, 0.5)) == [[1.5, 2.0]]
    assert ends() == []


def test_the_fast_metric_is_the_mean_of_the_requests_inside_each_instance_waiting_ones_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, told = [100.0], {}
    monkeypatch.setattr(traffic, "time", SimpleNamespace(monotonic=lambda: now[0]))
    context: Any = SimpleNamespace(
        scaled=lambda seconds: seconds,
        put_metric=lambda _, name, value=None, *__, **___: told.update({name: value}),
    )
    fleet: Any = SimpleNamespace(spec=SimpleNamespace(name="v"), active_count=2)
    counted = traffic.Traffic(context, "e")
    # given four requests that are inside for all of ten seconds, and one for the second half of them
    for _ in range(4):
        counted.begin(fleet)
    now[0] = 105.0
    counted.begin(fleet)
    now[0] = 110.0
    counted.flush()
    assert told["ConcurrentRequestsPerModel"] == pytest.approx(4.5 / 2)
    # when all are answered at once, then the next ten seconds hold none
    for _ in range(5):
        counted.end(fleet, 200, 0.1, 0.2)
    now[0] = 120.0
    counted.flush()
    assert [sample.concurrent for sample in counted.samples("v", 60.0)] == [4.5, 0.0]


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


@pytest.mark.parametrize(
    ("metric", "target"),
    [
        (INVOCATIONS, 60.0),  # one request per second and instance
        (CONCURRENCY, 0.05),  # an instance that is busy for a twentieth of the time
    ],
)
def test_target_tracking_scales_out_under_load_and_in_when_it_is_over(
    aws: Server, scaled: Scaled, metric: str, target: float
) -> None:
    scaled.limits(1, 2)
    scaled.client.put_scaling_policy(
        **scaled.target,
        PolicyName="track",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": target,
            "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
            "ScaleOutCooldown": 0,
            "ScaleInCooldown": 0,
        },
    )
    over = threading.Event()

    def load() -> None:
        while not over.wait(0.005):
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


def test_an_instance_type_changes_only_while_the_variant_is_no_scalable_target(aws: Server, scaled: Scaled) -> None:
    scaled.limits(1, 2)
    variant = {"VariantName": "scaled", "ModelName": "scaled", "InitialInstanceCount": 1}
    aws.sagemaker.create_endpoint_config(
        EndpointConfigName="larger", ProductionVariants=[{**variant, "InstanceType": "ml.m5.xlarge"}]
    )
    settled(aws, "scaled")
    with pytest.raises(ClientError, match="deregister the scalable target first"):
        aws.sagemaker.update_endpoint(EndpointName="scaled", EndpointConfigName="larger")
    scaled.client.deregister_scalable_target(**scaled.target)
    aws.sagemaker.update_endpoint(EndpointName="scaled", EndpointConfigName="larger")
    assert settled(aws, "scaled")["EndpointConfigName"] == "larger"


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
