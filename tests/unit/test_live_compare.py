"""What is live against what should be: every difference is named with a remedy, and only what settles is waited for."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from terraform.live.compare import differences
from terraform.live.expected import Alarm, Endpoint, Expected, Function, read
from terraform.live.observed import Artefact, LiveAlarm, LiveEndpoint, LiveFunction, Observed
from terraform.live.verify import NotLiveError, verify

NAME, URL = "slipway-dev-vehicles", "s3://models/vehicles/artifacts/3/output/model.tar.gz"
IMAGE, TOPIC = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/serving@sha256:1", "arn:aws:sns:eu-west-1:1:alerts"
MODELS = {"vehicles": {"version": "3", "model_data_url": URL, "sha256": "aa", "etag": "e1"}}
ENDPOINT = Endpoint(NAME, "config-2", "model-3", URL, IMAGE, "primary", (2, 4), MODELS["vehicles"])
FUNCTION = Function(f"{NAME}-classify", "live", "7", "c0de", (2, 4))
ALARM = Alarm(f"{NAME}-5xx", (TOPIC,))
EXPECTED = Expected((ENDPOINT,), (FUNCTION,), (ALARM,))

SERVING = LiveEndpoint("InService", "", "config-2", "", 2, 2, "model-3", URL, IMAGE, (2, 4), Artefact("e1"))
LIVE = Observed(
    {NAME: SERVING},
    {FUNCTION.name: LiveFunction("7", "c0de", "READY", "", 2, 2)},
    {ALARM.name: LiveAlarm("OK", "", True, (TOPIC,))},
    980,
)


def with_endpoint(**values: Any) -> Observed:
    return replace(LIVE, endpoints={NAME: replace(SERVING, **values)})


def with_function(**values: Any) -> Observed:
    return replace(LIVE, functions={FUNCTION.name: replace(LIVE.functions[FUNCTION.name], **values)})


def with_alarm(**values: Any) -> Observed:
    return replace(LIVE, alarms={ALARM.name: replace(LIVE.alarms[ALARM.name], **values)})


def resource(kind: str, called: str, /, **values: Any) -> dict[str, Any]:
    return {"mode": "managed", "type": kind, "name": called, "values": values}


def endpoint_module() -> dict[str, Any]:
    return {
        "resources": [
            resource("aws_sagemaker_endpoint", "this", name=NAME, endpoint_config_name="config-1"),
            resource(
                "aws_sagemaker_endpoint_configuration",
                "this",
                name="config-2",
                production_variants=[{"variant_name": "primary", "model_name": "model-3"}],
            ),
            resource(
                "aws_sagemaker_model",
                "this",
                name="model-3",
                primary_container=[{"model_data_url": URL, "image": IMAGE}],
            ),
            resource(
                "aws_appautoscaling_target",
                "fixed",
                resource_id=f"endpoint/{NAME}/variant/primary",
                min_capacity=2,
                max_capacity=4,
            ),
            resource("aws_cloudwatch_metric_alarm", "errors", alarm_name=ALARM.name, alarm_actions=[TOPIC]),
        ]
    }


def function_module() -> dict[str, Any]:
    name = FUNCTION.name
    return {
        "resources": [
            resource("aws_lambda_function", "this", function_name=name, source_code_hash="c0de"),
            resource("aws_lambda_alias", "live", function_name=name, name="live", function_version="7"),
            resource("aws_lambda_provisioned_concurrency_config", "autoscaled", provisioned_concurrent_executions=3),
            resource(
                "aws_appautoscaling_target",
                "fixed",
                resource_id=f"function:{name}:live",
                min_capacity=2,
                max_capacity=4,
            ),
        ]
    }


def state(*modules: dict[str, Any]) -> dict[str, Any]:
    return {"values": {"root_module": {"resources": [], "child_modules": list(modules)}}}


def test_the_state_says_what_to_expect() -> None:
    """The configuration is the resource's, not the name that the provider wrote into the endpoint after a rollback."""
    assert read(state(endpoint_module(), function_module()), MODELS) == EXPECTED


def test_an_empty_state_expects_nothing() -> None:
    assert read({}, {}) == Expected((), (), ())
    assert differences(Expected((), (), ()), Observed({}, {}, {}, None)) == []


def test_deposed_resources_are_not_expected() -> None:
    """Given what a rolled-back apply left, then the newest model is expected and not the deposed one."""
    module = endpoint_module()
    deposed = copy.deepcopy(module["resources"][2]) | {"deposed_key": "0123abcd"}
    deposed["values"]["name"] = "model-2"
    module["resources"].insert(0, deposed)
    assert read(state(module), MODELS).endpoints[0].model == "model-3"


def test_limits_that_schedules_own_are_not_terraforms() -> None:
    module = endpoint_module()
    module["resources"][3]["name"] = "scheduled"
    expected = read(state(module), MODELS)
    assert expected.endpoints[0].limits is None
    assert differences(replace(expected, alarms=()), with_endpoint(limits=(4, 12), current=5, desired=5)) == []


def test_provisioned_concurrency_without_autoscaling_is_one_count() -> None:
    module = function_module()
    del module["resources"][3]
    assert read(state(module), {}).functions[0].provisioned == (3, 3)


def test_nothing_differs_where_all_is_well() -> None:
    assert differences(EXPECTED, LIVE) == []


@pytest.mark.parametrize(
    ("live", "told"),
    [
        (replace(LIVE, endpoints={}), "expected an endpoint, live none"),
        (with_endpoint(status="Failed", reason="no capacity"), r"expected InService, live Failed \(no capacity\)"),
        (with_endpoint(status="RollingBack", reason="5xx"), r"live RollingBack \(5xx\).+make rollback"),
        (
            with_endpoint(config="config-1", reason="alarm breached: 5xx"),
            r"configuration config-2, live config-1: SageMaker rolled the update back \(alarm breached: 5xx\)",
        ),
        (with_endpoint(model="model-9"), "expected model model-3.+live model-9"),
        (with_endpoint(model="", url="", image=""), "live config-2, deleted"),
        (with_endpoint(limits=None), "limits of 2 to 4 instances, live none: nothing scales it"),
        (with_endpoint(limits=(1, 4)), "limits of 2 to 4 instances, live 1 to 4"),
        (with_endpoint(artefact=None), f"artefact {URL}: expected an object, live none"),
        (
            with_endpoint(artefact=Artefact("e2", sha256="bb")),
            "expected sha256 aa, live bb.+replaced after its promotion",
        ),
        (
            with_endpoint(artefact=Artefact("e2", unread="AccessDenied")),
            r"cannot be read \(AccessDenied\).+as an operator",
        ),
        (replace(LIVE, functions={}), "expected alias live, live none"),
        (with_function(version="6"), "expected version 7, live 6"),
        (with_function(code_sha256="dead"), "expected CodeSha256 c0de, live dead"),
        (with_function(status="FAILED", reason="quota"), r"READY, 2 to 4, live FAILED, 2 of 2 \(quota\)"),
        (with_function(status=""), "READY, 2 to 4, live none, 2 of 2"),
        (with_function(requested=1, available=1), "READY, 2 to 4, live READY, 1 of 1"),
        (replace(LIVE, alarms={}), "expected an alarm, live none"),
        (with_alarm(enabled=False), "expected actions enabled, live disabled; aws cloudwatch enable-alarm-actions"),
        (with_alarm(actions=()), f"expected actions {TOPIC}, live nobody"),
        (replace(LIVE, unreserved=99), "expected 100 unreserved executions or more, live 99"),
    ],
)
def test_a_difference_names_expected_live_and_remedy_and_is_not_waited_for(live: Observed, told: str) -> None:
    found = differences(EXPECTED, live)
    assert [difference.settling for difference in found] == [False]
    with pytest.raises(NotLiveError, match=told):
        verify(EXPECTED, lambda: live, print, patience_s=60)


@pytest.mark.parametrize(
    "live",
    [
        with_endpoint(status="Updating", config="config-1", pending="config-2"),
        with_endpoint(status="Creating", current=0, desired=0),
        with_endpoint(current=2, desired=3),
        with_endpoint(current=1, desired=1),
        with_function(status="IN_PROGRESS", available=0),
        with_alarm(state="ALARM", reason="too slow"),
    ],
)
def test_what_settles_is_waited_for_and_told(live: Observed) -> None:
    seen, told = [live, live, LIVE], []
    evidence = verify(EXPECTED, lambda: seen.pop(0), told.append, patience_s=60, poll_s=0)
    assert seen == []
    assert len(told) == 1, "what has not changed is not told again"
    assert f"endpoint {NAME} serves version 3 on 2 instances" in evidence


def test_waiting_ends() -> None:
    with pytest.raises(NotLiveError, match="1 difference"):
        verify(EXPECTED, lambda: with_alarm(state="ALARM"), print, patience_s=0, poll_s=0)


def test_something_that_waiting_does_not_mend_ends_the_wait_at_once() -> None:
    live = replace(with_endpoint(config="config-1"), alarms=with_alarm(state="ALARM").alarms)
    with pytest.raises(NotLiveError, match="2 differences") as raised:
        verify(EXPECTED, lambda: live, print, patience_s=60)
    assert [difference.settling for difference in raised.value.differences] == [False, True]


def test_content_that_was_copied_is_the_same_content() -> None:
    """Given an object with another ETag, when its content has the promoted checksum, then nothing differs."""
    assert differences(EXPECTED, with_endpoint(artefact=Artefact("e2", sha256="aa"))) == []


def test_a_model_without_a_checksum_vouches_for_nothing() -> None:
    endpoint = replace(ENDPOINT, promoted={"version": "3", "etag": "e1"})
    assert "expected a recorded sha256" in str(differences(replace(EXPECTED, endpoints=(endpoint,)), LIVE)[0])
