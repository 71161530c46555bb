"""Forbidden calls: enough of them, whole requests all, and judged by the answer that means a missing permission."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from rehearsal.prove.forbidden.attempt import Answer, Attempt
from rehearsal.prove.forbidden.controls import controls, identities
from rehearsal.prove.forbidden.families import FAMILIES, LEAST, attempts
from rehearsal.prove.forbidden.objects import MAY
from rehearsal.prove.forbidden.outcome import faults, outcome
from rehearsal.prove.forbidden.world import KINDS, World, world
from tests.unit.prove_plans import account, environment, role

WORLD = world([environment(), account()], "vehicles")


@lru_cache(maxsize=32)
def model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def test_there_are_more_than_enough_and_every_role_tries() -> None:
    made = attempts(WORLD)
    assert len(made) >= LEAST
    assert {attempt.role for attempt in made} == set(WORLD.roles)


def test_no_call_is_made_twice() -> None:
    made = Counter(
        (a.role, a.service, a.operation, a.way, repr(sorted(a.parameters.items(), key=str))) for a in attempts(WORLD)
    )
    assert [call for call, times in made.items() if times > 1] == []


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_requests_are_whole(family: Any) -> None:
    made = list(family(WORLD))
    assert made, "a family without a call proves nothing"
    for attempt in made:
        whole(attempt)


def test_controls_are_whole_and_stand_beside_every_family() -> None:
    beside = list(controls(WORLD))
    for attempt in [*beside, *identities(WORLD)]:
        whole(attempt)
    assert {attempt.family for attempt in attempts(WORLD)} <= {attempt.family for attempt in beside}


def whole(attempt: Attempt) -> None:
    operation = model(attempt.service).operation_model(attempt.operation)
    if operation.input_shape is not None:
        report = ParamValidator().validate(attempt.parameters, operation.input_shape)
        assert not report.has_errors(), f"{attempt.service}:{attempt.operation}: {report.generate_report()}"


def test_a_role_that_nobody_has_thought_of_is_tried_with_everything() -> None:
    plan = environment(*role("slipway-rehearsal-newcomer", "lambda.amazonaws.com"))
    around = world([plan, account()], "vehicles")
    tried = {(a.operation, a.parameters.get("Bucket")) for a in attempts(around) if a.role.endswith("newcomer")}
    assert {("GetObject", bucket) for bucket in around.buckets.values()} <= tried


def test_what_each_kind_may_is_written_for_kinds_that_there_are() -> None:
    assert set(MAY) <= set(KINDS)


def answers(around: World, code: str) -> list[Answer]:
    return [Answer(attempt, code) for attempt in attempts(around)]


def allowed(around: World) -> list[Answer]:
    return [Answer(attempt, "") for attempt in [*identities(around), *controls(around)]]


def test_all_refused_and_all_controls_carried_out_is_no_fault() -> None:
    assert faults(outcome(answers(WORLD, "AccessDenied"), allowed(WORLD))) == []


def test_a_call_that_is_carried_out_is_told_with_role_call_and_resource() -> None:
    found = answers(WORLD, "AccessDenied")
    passed = found[0].attempt
    (told,) = faults(outcome([Answer(passed, ""), *found[1:]], allowed(WORLD)))
    assert passed.role in told
    assert f"{passed.service}:{passed.operation}" in told
    assert "was carried out" in told


@pytest.mark.parametrize("code", ["ValidationException", "NoSuchBucket", "UndecidableRequest", "malformed"])
def test_any_other_error_is_no_refusal(code: str) -> None:
    found = answers(WORLD, "AccessDenied")
    (told,) = faults(outcome([Answer(found[0].attempt, code, "why"), *found[1:]], allowed(WORLD)))
    assert "for want of a permission" in told
    assert code in told


def test_a_gate_that_refuses_everything_does_not_pass() -> None:
    refused = [Answer(answer.attempt, "AccessDenied") for answer in allowed(WORLD)]
    assert len(faults(outcome(answers(WORLD, "AccessDenied"), refused))) == len(refused)


def test_too_few_calls_and_families_without_a_control_are_faults() -> None:
    few = answers(WORLD, "AccessDenied")[:10]
    told = " ".join(faults(outcome(few, [])))
    assert "only 10 forbidden calls" in told
    assert "no call beside the family" in told
