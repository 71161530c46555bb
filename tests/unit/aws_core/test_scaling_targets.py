"""Scalable targets as AWS keeps them, and the apply command's hold on them: no scale-in around a change of a model."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from terraform.live import scale_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OUT_ONLY = {
    "DynamicScalingInSuspended": False,
    "DynamicScalingOutSuspended": True,
    "ScheduledScalingSuspended": False,
}
NOTHING = dict.fromkeys(OUT_ONLY, False)


def silent(_: str) -> None:
    """Nobody waits."""


def test_a_target_that_is_gone_is_not_found(client: Callable[[str], Any], name: str) -> None:
    # so that a retry, whose first answer was lost, never fails a destroy
    scaling = client("application-autoscaling")
    target = {
        "ServiceNamespace": "lambda",
        "ResourceId": f"function:{name}:live",
        "ScalableDimension": "lambda:function:ProvisionedConcurrency",
    }
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
    scaling.deregister_scalable_target(**target)
    with pytest.raises(scaling.exceptions.ObjectNotFoundException, match=name):
        scaling.deregister_scalable_target(**target)


class Targets:
    """Scalable targets of endpoints, and the session that the apply command has."""

    def __init__(self, client: Callable[[str], Any], name: str) -> None:
        self.mine, self.other = f"{name}-a", f"{name}-b"
        self.scaling = client("application-autoscaling")
        self.session = SimpleNamespace(client=lambda service, **_: client(service))
        for endpoint in (self.mine, self.other):
            self.register(endpoint, MinCapacity=2, MaxCapacity=6)

    def identity(self, endpoint: str) -> dict[str, str]:
        return {
            "ServiceNamespace": "sagemaker",
            "ResourceId": f"endpoint/{endpoint}/variant/primary",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        }

    def register(self, endpoint: str, **more: Any) -> None:
        self.scaling.register_scalable_target(**self.identity(endpoint), **more)

    def state(self, endpoint: str) -> tuple[int, int, dict[str, bool]]:
        (target,) = self.scaling.describe_scalable_targets(
            ServiceNamespace="sagemaker", ResourceIds=[self.identity(endpoint)["ResourceId"]]
        )["ScalableTargets"]
        return target["MinCapacity"], target["MaxCapacity"], target["SuspendedState"]

    def suspended(self) -> list[str]:
        return scale_in.suspended([self.mine, self.other], self.session)


@pytest.fixture
def targets(client: Callable[[str], Any], name: str) -> Iterator[Targets]:
    made = Targets(client, name)
    yield made
    for endpoint in (made.mine, made.other):
        made.scaling.deregister_scalable_target(**made.identity(endpoint))


def test_a_target_says_that_nothing_is_suspended_and_keeps_its_limits(targets: Targets) -> None:
    assert targets.state(targets.mine) == (2, 6, NOTHING)
    targets.register(targets.mine, SuspendedState={"DynamicScalingOutSuspended": True})
    assert targets.state(targets.mine) == (2, 6, OUT_ONLY)


def test_scale_in_is_off_for_the_time_of_a_change_and_on_again_afterwards(targets: Targets) -> None:
    # given an operator who has suspended scale-out, which is none of the apply command's business
    targets.register(targets.mine, SuspendedState=OUT_ONLY)
    said: list[str] = []
    with scale_in.protected([targets.mine, "no-such-endpoint"], targets.session, note=said.append):
        assert targets.state(targets.mine) == (2, 6, OUT_ONLY | {"DynamicScalingInSuspended": True})
        assert targets.suspended() == [targets.identity(targets.mine)["ResourceId"]]
    assert targets.state(targets.mine) == (2, 6, OUT_ONLY)
    assert targets.suspended() == []
    assert [line.split(targets.mine)[1] for line in said] == [
        "/variant/primary is suspended for the time of this change",
        "/variant/primary is on again",
    ]


@pytest.mark.parametrize("fault", [RuntimeError("terraform failed"), KeyboardInterrupt()])
def test_scale_in_comes_back_when_the_change_fails(targets: Targets, fault: BaseException) -> None:
    def change() -> None:
        with scale_in.protected([targets.mine, targets.other], targets.session, note=silent):
            assert len(targets.suspended()) == 2
            raise fault

    with pytest.raises(type(fault)):
        change()
    assert targets.suspended() == []


def test_what_a_killed_apply_left_suspended_is_resumed_by_the_next(targets: Targets) -> None:
    targets.register(targets.mine, SuspendedState={"DynamicScalingInSuspended": True})
    said: list[str] = []
    with scale_in.protected([targets.mine], targets.session, note=said.append):
        pass
    assert targets.suspended() == []
    assert "was suspended already" in said[0]


def test_a_target_that_the_change_removed_or_made_anew_is_fine(targets: Targets) -> None:
    with scale_in.protected([targets.mine], targets.session, note=silent):
        targets.scaling.deregister_scalable_target(**targets.identity(targets.mine))
        targets.register(targets.mine, MinCapacity=1, MaxCapacity=3)
    assert targets.state(targets.mine) == (1, 3, NOTHING)


class Broken:
    """A session whose RegisterScalableTarget fails from the given call on, and whose endpoint has a status."""

    def __init__(self, targets: Targets, fails_from: int = 99, status: str = "InService") -> None:
        self.calls, self.fails_from, self.status = 0, fails_from, status
        scaling = targets.scaling
        self.clients = {
            "application-autoscaling": SimpleNamespace(
                get_paginator=scaling.get_paginator, register_scalable_target=self.register
            ),
            "sagemaker": SimpleNamespace(describe_endpoint=lambda **_: {"EndpointStatus": self.status}),
        }
        self.real = scaling.register_scalable_target

    def client(self, service: str, **_: Any) -> Any:
        return self.clients[service]

    def register(self, **arguments: Any) -> None:
        self.calls += 1
        if self.calls >= self.fails_from:
            raise ConnectionError("no route")
        self.real(**arguments)


def test_what_cannot_be_resumed_is_said_and_the_rest_is_resumed(targets: Targets) -> None:
    both = [targets.mine, targets.other]
    with (
        pytest.raises(scale_in.ScaleInError, match=r"variant/primary \(no route\): apply again"),
        scale_in.protected(both, Broken(targets, fails_from=4), note=silent),
    ):
        pass
    assert len(targets.suspended()) == 1


def test_the_fault_of_the_change_is_not_hidden_by_a_resume_that_fails(targets: Targets) -> None:
    with (
        pytest.raises(RuntimeError, match="terraform failed") as caught,
        scale_in.protected([targets.mine], Broken(targets, fails_from=2), note=silent),
    ):
        raise RuntimeError("terraform failed")
    assert "scale-in is still suspended" in caught.value.__notes__[0]


@pytest.mark.parametrize("status", ["Updating", "RollingBack", "Creating"])
def test_a_change_waits_for_an_endpoint_at_rest_and_gives_up_with_its_name(targets: Targets, status: str) -> None:
    session = Broken(targets, status=status)
    with (
        pytest.raises(scale_in.ScaleInError, match=f"{targets.mine}: still changing"),
        scale_in.protected([targets.mine], session, note=silent, settle_s=0.02, poll_s=0.01),
    ):
        pytest.fail("the block must not begin")
    assert targets.suspended() == []
    said: list[str] = []

    def note(line: str) -> None:
        said.append(line)
        session.status = "InService"

    scale_in.settle([targets.mine], session, note=note, poll_s=0.01)
    assert said == [f"waiting until {targets.mine} has done its present change"]
