"""What must hold whatever the policies say, and that a second, slow evaluator decides the same."""

from __future__ import annotations

from typing import Any

import naive_evaluator
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.aws.iam.document import read_policy
from rehearsal.aws.iam.evaluate import Policies, evaluate
from rehearsal.aws.iam.request import Request, principal

Document = list[dict[str, Any]]

OURS = "111122223333"
CALLERS = [
    {
        "arn": f"arn:aws:sts::{account}:assumed-role/worker/job-1",
        "role": f"arn:aws:iam::{account}:role/worker",
        "account": account,
    }
    for account in (OURS, "444455556666")
] + [{"arn": f"arn:aws:iam::{OURS}:user/ann", "account": OURS}]
NAMES = sorted(
    {"*", *(who[key] for who in CALLERS for key in who), *(f"arn:aws:iam::{who['account']}:root" for who in CALLERS)}
)
ACTIONS = ["s3:GetObject", "s3:PutObject", "sqs:SendMessage"]
RESOURCES = ["arn:aws:s3:::d/a", "arn:aws:s3:::d/b", "arn:aws:s3:::e/a"]
LIMITS = ("boundary", "session", "endpoint")

one_or_more = {"min_size": 1, "max_size": 2, "unique": True}
action_patterns = st.lists(st.sampled_from([*ACTIONS, "s3:*", "S3:?ETobject", "s3:*Object", "*"]), **one_or_more)
resource_patterns = st.lists(st.sampled_from([*RESOURCES, "arn:aws:s3:::d/?", "arn:aws:s3:::*/a", "*"]), **one_or_more)
single = st.builds(
    lambda name, suffix, wanted: {name + suffix: {"aws:SourceVpce": wanted}},
    st.sampled_from(["StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase"]),
    st.sampled_from(["", "IfExists"]),
    st.lists(st.sampled_from(["a", "b", "A", "?", "a*", ""]), **one_or_more),
)
several = st.builds(
    lambda qualifier, name, suffix, wanted: {f"{qualifier}:{name}{suffix}": {"aws:TagKeys": wanted}},
    st.sampled_from(["ForAllValues", "ForAnyValue"]),
    st.sampled_from(["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"]),
    st.sampled_from(["", "IfExists"]),
    st.lists(st.sampled_from(["a", "b", "a*", "*"]), **one_or_more),
)
nulls = st.builds(
    lambda key, wanted: {"Null": {key: wanted}},
    st.sampled_from(["aws:SourceVpce", "aws:TagKeys"]),
    st.sampled_from(["true", "false"]),
)
conditions = st.lists(st.one_of(single, several, nulls), max_size=2).map(
    lambda parts: {name: keys for part in parts for name, keys in part.items()}
)


@st.composite
def statements(draw: st.DrawFn, kind: str = "identity") -> dict[str, Any]:
    made: dict[str, Any] = {"Effect": draw(st.sampled_from(["Allow", "Allow", "Allow", "Deny"]))}
    made[draw(st.sampled_from(["Action", "Action", "NotAction"]))] = draw(action_patterns)
    made[draw(st.sampled_from(["Resource", "Resource", "NotResource"]))] = draw(resource_patterns)
    found = draw(conditions)
    if found:
        made["Condition"] = found
    if kind in ("resource", "endpoint"):
        made["Principal"] = {"AWS": draw(st.lists(st.sampled_from(NAMES), **one_or_more))}
    return made


def documents(kind: str) -> st.SearchStrategy[Document]:
    return st.lists(statements(kind), min_size=1, max_size=3)


all_policies = st.fixed_dictionaries(
    {"identity": documents("identity")}, optional={kind: documents(kind) for kind in (*LIMITS, "resource")}
)
contexts = st.fixed_dictionaries(
    {},
    optional={
        "aws:SourceVpce": st.sampled_from([["a"], ["b"], ["A"], [""]]),
        "aws:TagKeys": st.lists(st.sampled_from(["a", "b", "ab", ""]), max_size=2, unique=True),
    },
)
requests = st.tuples(st.sampled_from(CALLERS), st.sampled_from(ACTIONS), st.sampled_from(RESOURCES), contexts)
Asked = tuple[dict[str, str], str, str, dict[str, list[str]]]


def decide(asked: Asked, policies: dict[str, Document]) -> bool:
    who, action, resource, context = asked
    read = {
        kind: read_policy(kind, "p", {"Version": "2012-10-17", "Statement": document})
        for kind, document in policies.items()
    }
    limits = [(read[kind],) if kind in read else None for kind in ("boundary", "session")]
    identity = tuple(read[kind] for kind in read if kind == "identity")
    caller = principal(who["arn"], who.get("role", ""))
    request = Request(caller, action, resource, context, OURS)
    return evaluate(request, Policies(identity, *limits, read.get("resource"), read.get("endpoint"))).allowed


@given(requests, all_policies)
def test_a_naive_evaluator_agrees(asked: Asked, policies: dict[str, Document]) -> None:
    assert decide(asked, policies) == naive_evaluator.allowed(*asked, policies)


@given(requests, all_policies, st.sampled_from(LIMITS), st.data())
def test_a_limit_never_adds(asked: Asked, policies: dict[str, Document], kind: str, data: st.DataObject) -> None:
    without = {name: document for name, document in policies.items() if name != kind}
    limited = {**without, kind: data.draw(documents(kind))}
    assert decide(asked, without) or not decide(asked, limited)


@given(requests, all_policies, st.data())
def test_a_deny_anywhere_never_adds(asked: Asked, policies: dict[str, Document], data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(policies)))
    deny = {**data.draw(statements(kind)), "Effect": "Deny"}
    assert decide(asked, policies) or not decide(asked, {**policies, kind: [*policies[kind], deny]})


@given(requests, all_policies, st.data())
def test_an_allow_anywhere_never_takes(asked: Asked, policies: dict[str, Document], data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(policies)))
    allow = {**data.draw(statements(kind)), "Effect": "Allow"}
    assert decide(asked, {**policies, kind: [*policies[kind], allow]}) or not decide(asked, policies)


@given(requests, all_policies, st.randoms(use_true_random=False))
def test_spelling_is_nothing(asked: Asked, policies: dict[str, Document], random: Any) -> None:
    """Order, repetition, names of statements, one text for a list of one, the case of actions and keys."""

    def respelt(statement: dict[str, Any]) -> dict[str, Any]:
        made = {name: shorter(value) for name, value in statement.items()}
        for name in ("Action", "NotAction"):
            if name in made:
                made[name] = [text.swapcase() for text in naive_evaluator.as_list(made[name])]
        if "Principal" in made:
            made["Principal"] = {"AWS": [longer(name) for name in statement["Principal"]["AWS"]]}
        if "Condition" in made:
            made["Condition"] = {
                name: {key.swapcase(): value for key, value in keys.items()} for name, keys in made["Condition"].items()
            }
        pairs = list(made.items())
        random.shuffle(pairs)
        return dict(pairs)

    other = {}
    for kind, document in policies.items():
        copies = [respelt(statement) for statement in [*document, *document[:1]]]
        random.shuffle(copies)
        other[kind] = [{**copy, "Sid": f"S{number}x"} for number, copy in enumerate(copies)]
    who, action, resource, context = asked
    loud = {key.upper(): [*values] for key, values in context.items()}
    assert decide((who, action, resource, {**loud, "aws:PrincipalTag/x": ["1"]}), other) == decide(asked, policies)


def shorter(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def longer(name: str) -> str:
    return f"arn:aws:iam::{name}:root" if name.isdigit() else name
