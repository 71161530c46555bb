"""What must hold for any policies: denies only take away, allows only give, order is nothing, boundaries intersect."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rehearsal.aws.iam.document import Policy, read_policy
from rehearsal.aws.iam.errors import PolicyEvaluationError
from rehearsal.aws.iam.evaluate import Policies, evaluate
from rehearsal.aws.iam.operators import OPERATORS
from rehearsal.aws.iam.request import Request, principal

CALLER = principal("arn:aws:sts::111122223333:assumed-role/worker/job-1")
ACTIONS = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "kms:Decrypt"]
RESOURCES = ["arn:aws:s3:::data/a", "arn:aws:s3:::data/b", "arn:aws:s3:::other/a"]

conditions = st.one_of(
    st.none(),
    st.tuples(
        st.sampled_from(["StringEquals", "StringNotEquals", "StringLike", "StringEqualsIfExists"]),
        st.sampled_from(["aws:SourceVpce", "aws:PrincipalTag/team"]),
        st.sampled_from(["one", "two", "t*"]),
    ).map(lambda parts: {parts[0]: {parts[1]: parts[2]}}),
)


@st.composite
def statements(draw: st.DrawFn, effect: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {"Effect": effect or draw(st.sampled_from(["Allow", "Allow", "Deny"]))}
    actions = draw(st.lists(st.sampled_from([*ACTIONS, "s3:*", "s3:Get*", "*"]), min_size=1, max_size=3))
    made[draw(st.sampled_from(["Action", "Action", "NotAction"]))] = actions
    resources = draw(st.lists(st.sampled_from([*RESOURCES, "arn:aws:s3:::data/*", "*"]), min_size=1, max_size=2))
    made[draw(st.sampled_from(["Resource", "Resource", "NotResource"]))] = resources
    condition = draw(conditions)
    return {**made, "Condition": condition} if condition else made


documents = st.lists(statements(), max_size=4)
requests = st.builds(
    lambda action, resource, vpce, team: Request(
        CALLER,
        action,
        resource,
        {key: value for key, value in (("aws:SourceVpce", vpce), ("aws:PrincipalTag/team", team)) if value},
        "111122223333",
    ),
    st.sampled_from(ACTIONS),
    st.sampled_from(RESOURCES),
    st.sampled_from(["", "one", "two", "three"]),
    st.sampled_from(["", "one", "two", "three"]),
)


def policy(kind: str, document: list[dict[str, Any]]) -> tuple[Policy, ...]:
    whole = {"Version": "2012-10-17", "Statement": document}
    return (read_policy(kind, "p", whole),) if document else ()


def allowed(request: Request, identity: list[dict[str, Any]], boundary: list[dict[str, Any]] | None = None) -> bool:
    limit = None if boundary is None else policy("boundary", boundary)
    return evaluate(request, Policies(policy("identity", identity), limit)).allowed


@given(requests, documents, statements("Deny"))
def test_a_deny_never_allows_more(request: Request, document: list[dict[str, Any]], deny: dict[str, Any]) -> None:
    assert allowed(request, document) or not allowed(request, [*document, deny])


@given(requests, documents, statements("Allow"))
def test_an_allow_never_denies_more(request: Request, document: list[dict[str, Any]], allow: dict[str, Any]) -> None:
    assert allowed(request, [*document, allow]) or not allowed(request, document)


@given(requests, documents, st.randoms(use_true_random=False))
def test_the_order_of_statements_is_nothing(request: Request, document: list[dict[str, Any]], random: Any) -> None:
    shuffled = list(document)
    random.shuffle(shuffled)
    assert allowed(request, shuffled) == allowed(request, document)


@given(requests, documents, st.integers(0, 4))
def test_policies_of_a_role_count_as_one(request: Request, document: list[dict[str, Any]], cut: int) -> None:
    parts = Policies(policy("identity", document[:cut]) + policy("identity", document[cut:]))
    assert evaluate(request, parts).allowed == allowed(request, document)


@given(requests, documents, documents)
def test_a_boundary_intersects(
    request: Request, document: list[dict[str, Any]], boundary: list[dict[str, Any]]
) -> None:
    both = allowed(request, document) and allowed(request, boundary)
    assert allowed(request, document, boundary) == both


@given(requests, documents, st.text(st.characters(categories=["L"]), min_size=1, max_size=20), st.booleans())
def test_an_unknown_operator_is_always_an_error(
    request: Request, document: list[dict[str, Any]], name: str, deny: bool
) -> None:
    assume(name.removesuffix("IfExists") not in OPERATORS)
    odd = {
        "Effect": "Deny" if deny else "Allow",
        "Action": "iam:Nothing",
        "Resource": "*",
        "Condition": {name: {"aws:SourceVpce": "one"}},
    }
    with pytest.raises(PolicyEvaluationError, match="unknown"):
        allowed(request, [*document, odd])


@given(requests, documents)
def test_a_decision_names_its_statement(request: Request, document: list[dict[str, Any]]) -> None:
    decision = evaluate(request, Policies(policy("identity", document)))
    if decision.allowed or "explicit deny" in decision.reason:
        assert decision.decisive is not None
        assert decision.decisive.statement.effect == ("Allow" if decision.allowed else "Deny")
        assert decision.decisive.statement.sid in decision.reason
