"""Granted beside used: what counts as a use, what a reason excuses, and what is told when neither is there."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from policies.plan import Resource, UnreadableError
from rehearsal.prove import verdict
from rehearsal.prove.compare import RoleEvidence, compare, opened, waits
from rehearsal.prove.reasons import Reason, ReasonError, read_reasons, stale
from rehearsal.prove.roles import grants, roles
from rehearsal.prove.used import EvidenceError, Use, uses
from tests.unit.prove_plans import ACCOUNT, DATA, NAME, account, allow, environment, role

FUNCTION = f"{NAME}-vehicles-classify-image"
IMAGE = f"arn:aws:s3:::{DATA}/vehicles/incoming/1.png"


def use(action: str = "s3:GetObject", statement: str = "ReadImages", **more: str) -> Use:
    return Use(FUNCTION, action, more.get("resource", IMAGE), more.get("policy", "statements"), statement)


def evidence(*used: Use, reasons: tuple[Reason, ...] = (), sids: tuple[str, ...] = ()) -> RoleEvidence:
    found = compare(roles([environment(), account()]), used, reasons, sids)
    return next(one for one in found if one.role == FUNCTION)


def states(found: RoleEvidence) -> dict[str, str]:
    return {row.grant.action: row.state for row in found.rows}


def test_a_grant_is_used_by_the_statement_that_allowed_the_call() -> None:
    found = evidence(use())
    assert states(found) == {
        "s3:GetObject": "used",
        "sagemaker:InvokeEndpoint": "unused",
        "logs:CreateLogStream": "unused",
        "logs:PutLogEvents": "unused",
    }
    assert found.ungranted == []


def test_the_same_action_by_another_statement_is_no_use_of_this_one() -> None:
    assert states(evidence(use(statement="Another")))["s3:GetObject"] == "unused"


def test_a_policy_on_the_resource_uses_the_grant_it_stands_beside() -> None:
    by_bucket = use(policy=f"of arn:aws:s3:::{DATA}", statement="AllowAll")
    found = evidence(by_bucket, sids=("AllowAll",))
    assert states(found)["s3:GetObject"] == "used"
    assert found.ungranted == []


def test_a_use_that_nothing_grants_any_more() -> None:
    found = evidence(use("s3:PutObject", "WriteImages"))
    assert [one.action for one in found.ungranted] == ["s3:PutObject"]
    told = verdict.of_roles([found], [], {FUNCTION: "rehearsal: module.x"}).failures
    assert any("s3:PutObject" in line and "nothing grants it any more" in line for line in told)


def test_an_unused_grant_is_told_with_role_statement_action_place_and_remedy() -> None:
    told = verdict.of_roles([evidence(use())], [], {FUNCTION: "rehearsal: module.x"}).failures
    (line,) = [line for line in told if "AskModel" in line]
    for part in (FUNCTION, "sagemaker:InvokeEndpoint", "module.x", "unused_grants.yaml", "make rehearse"):
        assert part in line


def test_a_role_that_still_works_is_not_told_off() -> None:
    found = compare(roles([environment(), account()]), [use()], [], [])
    told = verdict.of_roles(found, [], {}, pending=waits).failures
    assert not any("slipway-deploy" in line for line in told)
    assert any(FUNCTION in line for line in told)


def test_what_takes_down_is_not_missed_while_the_environment_stands() -> None:
    grants_down = role(
        "slipway-rehearsal-x", "lambda.amazonaws.com", allow("Down", ["ec2:DeleteNetworkInterface"], "*")
    )
    found = compare(roles([environment(*grants_down), account()]), [use()], [], [])
    assert not any("Down" in line for line in verdict.of_roles(found, [], {}, pending=waits).failures)
    assert any("Down" in line for line in verdict.of_roles(found, [], {}).failures)


def test_a_reason_excuses_until_the_grant_is_used() -> None:
    reason = Reason("slipway-*-classify-image", "WriteLogs", ("logs:PutLogEvents",), "Lambda writes the logs itself.")
    found = evidence(use(), reasons=(reason,))
    assert states(found)["logs:PutLogEvents"] == "reason"
    idle = [row.grant for row in found.rows if not row.actions]
    everything = [row.grant for row in found.rows]
    assert stale([reason], everything, idle) == []
    used = [grant for grant in idle if grant.action != "logs:PutLogEvents"]
    assert "is used now" in stale([reason], everything, used)[0]
    assert "is not granted any more" in stale([reason], [], [])[0]
    sometimes = replace(reason, sometimes=True)
    assert stale([sometimes], everything, used) == stale([sometimes], [], []) == []


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"reason": "short"}, "write the reason"),
        ({"reason": None}, "write the reason"),
        ({"actions": []}, "must be a list"),
        ({"actions": ["s3:GetObject", "s3:GetObject"]}, "twice"),
        ({"expires": "2030-01-01"}, "exactly the keys"),
    ],
)
def test_entries_that_do_not_hold(tmp_path: Path, entry: dict[str, object], told: str) -> None:
    good = {"role": "r", "statement": "s", "actions": ["s3:GetObject"], "reason": "A reason that says why it stays."}
    path = tmp_path / "unused_grants.yaml"
    path.write_text(json.dumps([good | entry]))
    with pytest.raises(ReasonError, match=told):
        read_reasons(path)


def test_wildcards_are_counted_by_what_they_open() -> None:
    assert {"s3:GetObject", "s3:GetObjectAcl"} <= opened("s3:GetObject*")
    assert opened("S3:getobject") == {"s3:GetObject"}
    assert len(opened("kms:GenerateDataKey*")) == 4


def test_an_allow_of_everything_but_something_cannot_be_counted() -> None:
    endless = {"Sid": "Endless", "Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"}
    plan = environment(*role("endless", "lambda.amazonaws.com", endless))
    with pytest.raises(UnreadableError, match="endless"):
        grants(roles([plan, account()])["endless"])


def test_a_policy_that_no_plan_holds_is_unreadable() -> None:
    with pytest.raises(UnreadableError, match="slipway-boundary"):
        roles([environment()])


def test_the_journal_counts_roles_and_refuses_what_it_does_not_understand(tmp_path: Path) -> None:
    row = {"action": "s3:GetObject", "resource": IMAGE, "policy": "p", "statement": "s", "via": "service"}
    path = tmp_path / "uses.jsonl"
    path.write_text(
        json.dumps(row | {"role": f"arn:aws:iam::{ACCOUNT}:role/path/{FUNCTION}", "pattern": "x"})
        + "\n"
        + json.dumps(row | {"role": f"arn:aws:iam::{ACCOUNT}:user/somebody"})
        + "\n"
    )
    (only,) = uses(path)
    assert (only.role, only.pattern, only.via) == (FUNCTION, "x", "service")
    path.write_text("{}\n")
    with pytest.raises(EvidenceError, match=r"uses\.jsonl:1"):
        uses(path)
    with pytest.raises(EvidenceError, match="no record"):
        uses(tmp_path / "none")


def test_an_empty_journal_proves_nothing(tmp_path: Path) -> None:
    (tmp_path / "uses.jsonl").write_text("")
    with pytest.raises(EvidenceError, match="no role did anything"):
        uses(tmp_path / "uses.jsonl")


def test_what_one_models_policy_allowed_is_a_use_of_every_models_policy() -> None:
    """Given two models' policies on a role, when one that has gone since was used, then both are used."""
    read = allow("ReadArtifact", ["s3:GetObject"], "arn:aws:s3:::models/*")
    plan = environment(*role("endpoint", "sagemaker", allow("Log", ["logs:PutLogEvents"], "*")))
    for model in ("model-1-0a", "model-2-0b"):
        values = {
            "name": model,
            "role": "endpoint",
            "policy": json.dumps({"Version": "2012-10-17", "Statement": [read]}),
        }
        plan.resources.append(Resource(f"module.endpoint.{model}", "aws_iam_role_policy", values))
    used = Use("endpoint", "s3:GetObject", "arn:aws:s3:::models/a", "model-3-0c", "ReadArtifact")
    (found,) = (one for one in compare(roles([plan, account()]), [used], [], []) if one.role == "endpoint")
    assert [(row.grant.policy, row.state) for row in found.rows] == [
        ("statements", "unused"),
        ("model-1-0a", "used"),
        ("model-2-0b", "used"),
    ]
