"""Every documented case is decided as AWS documents it."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.aws.iam.document import Policy, read_policy
from rehearsal.aws.iam.errors import PolicyEvaluationError
from rehearsal.aws.iam.evaluate import Decision, Policies, evaluate
from rehearsal.aws.iam.grants import Grant
from rehearsal.aws.iam.request import Request, principal
from tests.unit.iam.iam_cases import load

SESSION = "arn:aws:sts::111122223333:assumed-role/worker/job-1"
OBJECT = "arn:aws:s3:::data/a.csv"

DECISIONS = [
    case
    for name in ("decisions.yaml", "limits.yaml", "keys.yaml", "services.yaml", "grammar.yaml")
    for case in load(name)
]
GROUPS = [group for name in ("operators.yaml", "sets.yaml") for group in load(name)]
ROWS = [row for group in GROUPS for row in group["rows"]]


def policy(kind: str, statements: Any) -> Policy:
    whole = {"Version": "2012-10-17", "Statement": statements} if isinstance(statements, list) else statements
    if statements == []:
        return Policy(kind, "p", ())
    return read_policy(kind, "p", whole)


def decide(case: dict[str, Any]) -> Decision:
    def several(kind: str) -> tuple[Policy, ...] | None:
        return (policy(kind, case[kind]),) if kind in case else None

    resource = case.get("resource", OBJECT)
    stands_on = "trust" if "trust" in case else "resource"
    text = case.get("trust", case.get("resource_policy"))
    request = Request(
        principal(case.get("caller", SESSION), case.get("role", "")),
        case.get("action", "s3:GetObject"),
        resource,
        case.get("context", {}),
        case.get("resource_account", ""),
    )
    policies = Policies(
        several("identity") or (),
        several("boundary"),
        several("session"),
        None if text is None else policy(stands_on, text),
        policy("endpoint", case["endpoint"]) if "endpoint" in case else None,
        tuple(
            Grant(
                g.get("key", resource), g["grantee"], frozenset(g["operations"]), g.get("subset", {}), g.get("equals")
            )
            for g in case.get("grants", [])
        ),
    )
    return evaluate(request, policies)


@pytest.mark.parametrize("case", DECISIONS, ids=lambda case: case["id"])
def test_decision(case: dict[str, Any]) -> None:
    if case["expect"] == "error":
        with pytest.raises(PolicyEvaluationError):
            decide(case)
        return
    decision = decide(case)
    assert decision.allowed == (case["expect"] == "allow"), decision.reason
    assert case.get("says", "") in decision.reason
    assert "hushes" not in case or case["hushes"] not in decision.reason


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_condition(row: list[Any]) -> None:
    operator, key, wanted, had, holds = row
    condition = {operator: {key: wanted}}
    context = {} if had == "absent" else {key: had}
    everything = {"Action": "*", "Resource": "*"}
    allowing = [{"Effect": "Allow", **everything, "Condition": condition}]
    denying = [{"Effect": "Allow", **everything}, {"Effect": "Deny", **everything, "Condition": condition}]
    for statements, allowed in ((allowing, holds), (denying, not holds)):
        case = {"identity": statements, "context": context}
        if holds == "error":
            with pytest.raises(PolicyEvaluationError):
                decide(case)
        else:
            assert decide(case).allowed == allowed


def test_there_are_cases_enough_and_each_has_its_source() -> None:
    assert len(DECISIONS) + len(ROWS) >= 500
    assert all(case["source"].startswith("https://docs.aws.amazon.com/") for case in [*DECISIONS, *GROUPS])
    assert len({case["id"] for case in DECISIONS}) == len(DECISIONS)
