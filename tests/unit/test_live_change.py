"""Before a change: the fleet's size, silence, and what is to be watched again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from terraform.command import TerraformError
from terraform.live import change
from terraform.live.ledger import Ledger
from terraform.live.verify import NotLiveError
from tests.unit.test_live_compare import EXPECTED, LIVE, with_endpoint

NAME = "slipway-dev-vehicles"
ALARM = f"{NAME}-5xx"


class Cloud:
    """A session whose clients know one endpoint and one alarm, which rings for as long as ``rings`` says."""

    def __init__(self, *, rings: int, watched: bool = True) -> None:
        self.rings, self.watched = rings, watched

    def client(self, _service: str) -> Cloud:
        return self

    def describe_endpoint(self, **_: str) -> dict[str, Any]:
        alarms = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": ALARM}]}} if self.watched else {}
        return {
            "EndpointStatus": "InService",
            "EndpointConfigName": "c1",
            "LastDeploymentConfig": alarms,
            "ProductionVariants": [{"VariantName": "primary", "DesiredInstanceCount": 3, "CurrentInstanceCount": 3}],
        }

    def describe_alarms(self, **_: Any) -> dict[str, Any]:
        self.rings -= 1
        state = "ALARM" if self.rings >= 0 else "OK"
        return {"MetricAlarms": [{"AlarmName": ALARM, "StateValue": state, "StateReason": "5 of 5"}]}


def place(cloud: Cloud, said: list[str], state: dict[str, Any] | None = None, **waits: float) -> change.Place:
    ledger = Ledger(cloud, "state", "dev/verified/")
    times = {"patience_s": 60.0, "silence_s": 60.0, "poll_s": 0.0} | waits
    return change.Place(Path("none"), {"vehicles": NAME}, cloud, ledger, lambda: state or {}, said.append, **times)


def rolled_out(*, watched: bool) -> dict[str, Any]:
    """A state in which the endpoint was rolled out with its alarms, or without."""
    alarm = ALARM if watched else f"{NAME}-capacity"
    deployment = {"auto_rollback_configuration": [{"alarms": [{"alarm_name": alarm}]}]}
    resources = [
        {"type": "aws_sagemaker_endpoint", "address": "e", "values": {"deployment_config": [deployment]}},
        {"type": "aws_sagemaker_endpoint_configuration", "address": "m[0].c", "values": {}},
        {"type": "aws_sagemaker_endpoint_configuration", "address": "m[0].c", "deposed_key": "1", "values": {}},
    ]
    return {"values": {"root_module": {"child_modules": [{"resources": resources}]}}}


def plan(actions: list[str]) -> dict[str, Any]:
    after = {"deployment_config": [{"auto_rollback_configuration": [{"alarms": [{"alarm_name": ALARM}]}]}]}
    return {"resource_changes": [{"type": "aws_sagemaker_endpoint", "change": {"actions": actions, "after": after}}]}


def test_a_plan_is_given_the_size_of_the_fleet() -> None:
    here = place(Cloud(rings=0), [], rolled_out(watched=True))
    sizes = change.fleet_sizes(here)
    assert change.arguments(here, sizes) == ['-var=live_instance_counts={"vehicles": 3}', "-var=unwatched={}"]


def test_what_was_rolled_out_unwatched_is_rolled_out_again() -> None:
    here = place(Cloud(rings=0), [], rolled_out(watched=False))
    assert change.arguments(here, {"vehicles": 3})[2:] == ["-replace=m[0].c"]
    assert change.arguments(here, {"vehicles": 3}, {"vehicles": "rings"})[1:] == [
        '-var=unwatched={"vehicles": "rings"}'
    ]
    assert len(change.arguments(here, {})) == 2, "nothing is there that could be watched"


def test_an_update_waits_for_silence() -> None:
    said: list[str] = []
    cloud = Cloud(rings=3)
    change.demand_silence(place(cloud, said), plan(["update"]))
    assert cloud.rings < 0
    assert said == [f"waiting for {ALARM} to fall silent: it would roll the update back at once"]


@pytest.mark.parametrize("actions", [["create"], ["no-op"], ["delete", "create"]])
def test_only_an_update_of_an_endpoint_waits(actions: list[str]) -> None:
    change.demand_silence(place(Cloud(rings=1_000), [], patience_s=0), plan(actions))


def test_an_update_into_a_ringing_alarm_is_refused() -> None:
    with pytest.raises(TerraformError, match=rf"nothing was changed: .+ {ALARM} \(5 of 5\)"):
        change.demand_silence(place(Cloud(rings=1_000_000), [], patience_s=0), plan(["update"]))


def test_a_model_whose_alarm_falls_silent_is_left_as_ever() -> None:
    assert change.loud(place(Cloud(rings=2), []), "vehicles") == {}


def test_a_model_whose_alarm_rings_on_is_left_all_the_same() -> None:
    said: list[str] = []
    loud = change.loud(place(Cloud(rings=1_000_000), said, silence_s=0), "vehicles")
    assert loud == {"vehicles": f"{ALARM} (5 of 5)"}
    assert "this does not turn it back" in said[-1]


def test_an_endpoint_without_alarms_is_silent() -> None:
    assert change.loud(place(Cloud(rings=1_000_000, watched=False), [], silence_s=0), "vehicles") == {}


def test_a_failed_apply_is_told_as_the_rollback_that_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given Terraform's own failure, when the endpoint is not on the new configuration, then that is the message."""
    monkeypatch.setattr(change.expected, "read", lambda *_: EXPECTED)
    monkeypatch.setattr(change, "observer", lambda *_: lambda: with_endpoint(config="config-1", reason="5xx"))

    def apply() -> None:
        raise TerraformError("terraform apply ended with exit code 1")

    with pytest.raises(NotLiveError, match=r"SageMaker rolled the update back \(5xx\)"):
        change.applied(place(Cloud(rings=0), []), apply)


def test_another_failure_of_terraform_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change.expected, "read", lambda *_: EXPECTED)
    monkeypatch.setattr(change, "observer", lambda *_: lambda: LIVE)

    def apply() -> None:
        raise TerraformError("no credentials")

    with pytest.raises(TerraformError, match="no credentials"):
        change.applied(place(Cloud(rings=0), []), apply)
