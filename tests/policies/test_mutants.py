"""Broken plans are caught by exactly the right control, and harmless rewrites by none."""

from __future__ import annotations

import json

import pytest

from policies.breaks import NothingToBreakError, put
from policies.control import Control
from policies.environments import environment_names, environment_plan
from policies.mutants.breaking import mutants
from policies.mutants.equivalent import false_alarms, rewrites
from policies.mutants.sources import CHANGES, source_mutants
from policies.plan import Plan, Resource
from policies.registry import controls
from terraform.command import ROOT

ALL = controls()


def fixtures() -> list[tuple[Control, Plan]]:
    return [(control, control.passing()) for control in ALL]


def test_on_the_fixtures_every_mutant_is_killed() -> None:
    empty = Plan("prod", "111122223333", "eu-west-1", [])
    outcomes = list(mutants(empty, ALL))
    assert len(outcomes) >= 200
    assert [outcome for outcome in outcomes if not outcome.killed] == []


def test_there_are_fifty_rewrites_and_the_passing_fixtures_bear_them() -> None:
    assert len(rewrites()) >= 50
    for control, plan in fixtures():
        complete = Plan(plan.environment, plan.account, plan.region, [r for r in plan.resources if whole(r)])
        if complete.resources and len(complete.resources) == len(plan.resources):
            assert [way for way, fired in false_alarms(complete, [control]) if fired] == []


def whole(resource: Resource) -> bool:
    """Whether the documents that rewrites turn round are in the fixture."""
    needed = {"aws_sfn_state_machine": "definition", "aws_iam_role": "assume_role_policy", "aws_kms_key": "policy"}
    needed |= dict.fromkeys(("aws_vpc_endpoint", "aws_s3_bucket_policy", "aws_sns_topic_policy"), "policy")
    key = needed.get(resource.type)
    return key is None or "Statement" in str(resource.values.get(key)) or "States" in str(resource.values.get(key))


def test_every_source_mutant_names_a_control_and_text_that_is_there() -> None:
    names = {control.id for control in ALL}
    for change in CHANGES:
        assert change.control in names
        assert change.old in (ROOT / change.path).read_text(), change


def test_every_control_is_broken_in_the_ways_there_are() -> None:
    few = {control.id: len(control.breaks) for control in ALL if len(control.breaks) < 2}
    assert few == {"SLIP_SF_NO_PAYLOADS": 1}  # one switch
    three = [control.id for control in ALL if len(control.breaks) >= 3]
    assert len(three) >= 95


def test_a_break_that_changes_nothing_is_no_mutant() -> None:
    resource = Resource("aws_x.y", "aws_x", {"a": [{"b": 1}]})
    plan = Plan("prod", "1", "r", [resource])
    with pytest.raises(NothingToBreakError):
        put("a.0.b", 1)(resource, plan)
    with pytest.raises(NothingToBreakError):
        put("a.7.b", 2)(resource, plan)
    put("a.0.b", 2)(resource, plan)
    assert json.dumps(resource.values) == '{"a": [{"b": 2}]}'


@pytest.mark.provider
@pytest.mark.slow
@pytest.mark.parametrize("environment", environment_names())
def test_on_real_plans_exactly_the_right_control_fires(environment: str) -> None:
    plan = environment_plan(environment)
    outcomes = list(mutants(plan, ALL))
    assert len(outcomes) >= 200
    assert [outcome for outcome in outcomes if not outcome.exact] == []
    assert [(way, fired) for way, fired in false_alarms(plan, ALL) if fired] == []


@pytest.mark.provider
@pytest.mark.slow
def test_a_changed_line_of_the_source_is_caught_by_exactly_the_right_control() -> None:
    assert [outcome for outcome in source_mutants(ALL) if not outcome.exact] == []
