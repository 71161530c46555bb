"""A role is taken by named services, or by roles and people of this account by their ARN."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies.breaks import in_document
from policies.control import ACCOUNT, Break, Control
from policies.iam import principals
from policies.kit import TRUST
from policies.plan import Plan, Resource, UnreadableError, statements


def check(role: Resource, plan: Plan) -> Iterator[str]:
    named = re.compile(rf"arn:aws:iam::{plan.account}:(role|user)/[^*?]+")
    for statement in statements(role.values.get("assume_role_policy"), "Allow"):
        try:
            found = list(principals(statement))
        except UnreadableError as error:
            yield f"the trust names nobody: {error}"
            continue
        for kind, value in found:
            right = {"AWS": named.fullmatch(value), "Service": "*" not in value, "Federated": True}.get(kind)
            if not right:
                yield f"the trust names {value}"


def trusting(principal: object) -> Break:
    """Trust somebody else as well."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    return in_document("assume_role_policy", lambda doc: doc["Statement"].append(statement))


CONTROL = Control(
    title="A role is taken by named services, or by roles and people of this account by their ARN",
    severity="critical",
    reason="A trust in everybody, in another account, or in the whole of this one, hands the role over.",
    remedy="Name the service, or the role or person by the whole ARN, without a wildcard.",
    types=("aws_iam_role",),
    sources=("IAM-DEPUTY",),
    check=check,
    good=[("aws_iam_role", {"assume_role_policy": TRUST})],
    breaks={
        "everybody": trusting("*"),
        "any role": trusting({"AWS": "*"}),
        "somebody among others": trusting({"AWS": [f"arn:aws:iam::{ACCOUNT}:role/a", "*"]}),
        "other account": trusting({"AWS": "arn:aws:iam::999999999999:root"}),
        "other account by number": trusting({"AWS": "999999999999"}),
        "a name that holds our number": trusting({"AWS": f"arn:aws:iam::999999999999:role/{ACCOUNT}"}),
        "the whole account": trusting({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
        "roles by a pattern": trusting({"AWS": f"arn:aws:iam::{ACCOUNT}:role/*"}),
        "all but one": in_document(
            "assume_role_policy",
            lambda doc: doc["Statement"].append(
                {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRole",
                    "NotPrincipal": {"AWS": "arn:aws:iam::999999999999:root"},
                }
            ),
        ),
    },
)
