"""What a statement really allows: wildcards matched as IAM matches them, principals and conditions taken apart.

Rules: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html (Action, Resource: `*` is any
text, `?` any letter; actions know no case), ..._elements_principal.html, ..._elements_condition_operators.html.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from policies.plan import Plan, Resource, Statement, UnreadableError, actions, conditions, listed, statements

# Where a policy of an identity is written, by type.
IDENTITY = {
    "aws_iam_group_policy": "policy",
    "aws_iam_policy": "policy",
    "aws_iam_role": "inline_policy",
    "aws_iam_role_policy": "policy",
    "aws_iam_user_policy": "policy",
    "aws_ssoadmin_permission_set_inline_policy": "inline_policy",
}
IDENTITIES = tuple(IDENTITY)

# With one of these all of the values must be right; their negations, ...IfExists and ForAllValues let absence pass.
_POSITIVE = ("stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike")
_ACCOUNT_KEYS = ("aws:sourceaccount", "aws:principalaccount", "kms:calleraccount", "s3:resourceaccount")
_ARN_KEYS = ("aws:sourcearn", "aws:principalarn")


def role_statements(resource: Resource, effect: str | None = "Allow") -> list[Statement]:
    """What the identity policies written in this resource say."""
    value = resource.values.get(IDENTITY[resource.type])
    if resource.type != "aws_iam_role":
        return statements(value, effect)
    return [s for block in listed(value) if block.get("policy") for s in statements(block["policy"], effect)]


def is_boundary(policy: Resource, plan: Plan) -> bool:
    """Whether a managed policy is a ceiling only: named as one, and attached to nobody."""
    if policy.type != "aws_iam_policy" or not str(policy.values.get("name")).endswith("boundary"):
        return False
    arn = f":policy/{policy.values.get('name')}"
    kinds = ("aws_iam_role_policy_attachment", "aws_iam_policy_attachment", "aws_iam_user_policy_attachment")
    if any(str(found.values.get("policy_arn")).endswith(arn) for found in plan.of(*kinds)):
        return False
    return not any(
        str(attached).endswith(arn)
        for role in plan.of("aws_iam_role")
        for attached in listed(role.values.get("managed_policy_arns"))
    )


def grants(policy: Resource, plan: Plan) -> bool:
    """Whether an identity policy gives anybody anything: the chooser of the controls of grants."""
    return not is_boundary(policy, plan) and bool(role_statements(policy))


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(text.replace("[", "[[]")))


def matches(pattern: str, text: str) -> bool:
    """Whether IAM's pattern covers ``text``."""
    return bool(_pattern(pattern).match(text))


def may(statement: Statement, wanted: Iterable[str]) -> list[str]:
    """Those of ``wanted`` (lower case) that a statement is about, through whatever wildcard or exception."""
    if "NotAction" in statement:
        spared = [str(action).lower() for action in listed(statement["NotAction"])]
        return [action for action in wanted if not any(matches(pattern, action) for pattern in spared)]
    patterns = actions(statement)
    return [action for action in wanted if any(matches(pattern, action) for pattern in patterns)]


def about(statement: Statement, service: str) -> bool:
    """Whether a statement names actions of a service, or of all."""
    return "NotAction" in statement or any(matches(action.split(":")[0], service) for action in actions(statement))


def resources(statement: Statement) -> list[str]:
    """The ARNs of a statement."""
    return [str(arn) for arn in listed(statement.get("Resource"))]


def covers(statement: Statement, *arns: str) -> bool:
    """Whether a statement is about all of these ARNs."""
    return all(any(matches(pattern, arn) for pattern in resources(statement)) for arn in arns)


def account_of(arn: Any) -> str:
    """The account in an ARN, the account itself where it stands alone, "" where there is none."""
    text = str(arn)
    if re.fullmatch(r"[0-9]{12}", text):
        return text
    parts = text.split(":", 5)
    return parts[4] if len(parts) == 6 and parts[0] == "arn" else ""


def demanded(statement: Statement, key: str) -> list[str]:
    """The values that a statement demands of a condition key; [] where the key may be absent or anything."""
    return [
        value
        for (operator, found), values in conditions(statement).items()
        if found == key and operator.removeprefix("foranyvalue:") in _POSITIVE
        for value in values
    ]


def scoped(statement: Statement, plan: Plan) -> bool:
    """Whether a statement holds for requests of this account, or about its resources, alone."""
    for key in (*_ACCOUNT_KEYS, *_ARN_KEYS):
        values = demanded(statement, key)
        if values and all(account_of(value) == plan.account for value in values):
            return True
    context = [
        v for _, k in conditions(statement) if k.startswith("kms:encryptioncontext:") for v in demanded(statement, k)
    ]
    return bool(context) and all(account_of(value) == plan.account for value in context)


def principals(statement: Statement) -> Iterator[tuple[str, str]]:
    """Kind (AWS, Service, Federated, CanonicalUser) and value of each principal; UnreadableError for an exception."""
    if "NotPrincipal" in statement:
        raise UnreadableError("NotPrincipal names everybody else")
    principal = statement.get("Principal")
    if isinstance(principal, str):
        yield "AWS", principal
    elif isinstance(principal, dict) and principal:
        for kind, values in principal.items():
            yield from ((kind, str(value)) for value in listed(values))
    else:
        raise UnreadableError("a statement without a principal")


def outsiders(statement: Statement, plan: Plan) -> list[str]:
    """Who of another account comes in by an Allow statement of a resource's policy, in words."""
    narrow = scoped(statement, plan)
    found = []
    for kind, value in principals(statement):
        if kind == "Service":
            if not narrow or "*" in value:
                found.append(f"{value} on behalf of any account")
        elif (kind != "AWS" or account_of(value) != plan.account) and not (value == "*" and narrow):
            found.append("everybody" if value == "*" else value)
    return found


def is_wild(arn: str) -> bool:
    """Whether a resource pattern names nothing: only wildcards where the resource should stand."""
    text = arn.split(":", 5)[5] if arn.startswith("arn:") and arn.count(":") >= 5 else arn
    if not arn.startswith("arn:aws:s3:"):  # elsewhere a type comes first: endpoint/name, function:name
        text = text.split("/", 1)[1] if "/" in text else text.split(":", 1)[-1]
    return not re.sub(r"[*?:/]", "", text)
