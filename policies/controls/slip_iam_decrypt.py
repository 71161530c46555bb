"""A role uses named keys, through a service."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import grant
from policies.control import ACCOUNT, REGION, Control
from policies.iam import IDENTITIES, demanded, grants, may, resources, role_statements
from policies.kit import KEY, policy_text
from policies.plan import Plan, Resource, Statement, condition_keys

USE = ("kms:creategrant", "kms:decrypt", "kms:encrypt", "kms:generatedatakey", "kms:reencryptfrom", "kms:reencryptto")
THROUGH_S3 = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}


def check(policy: Resource, _: Plan) -> Iterator[str]:
    for statement in role_statements(policy):
        if "NotAction" in statement or not may(statement, USE) or _whole_service(statement):
            continue
        if any("*" in arn or "?" in arn for arn in resources(statement)):
            yield f"{statement.get('Sid')} uses keys that it does not name"
        if not _through(statement):
            yield f"{statement.get('Sid')} uses keys past the services"


def _whole_service(statement: Statement) -> bool:
    return bool(may(statement, ["kms:anything that is still to come"]))


def _through(statement: Statement) -> bool:
    context = [key for key in condition_keys(statement) if key.startswith("kms:encryptioncontext:")]
    named = [value for key in ("kms:viaservice", *context) for value in demanded(statement, key)]
    granted = ("bool", "kms:grantisforawsresource")
    grants_only = may(statement, USE) == ["kms:creategrant"]
    held = {
        (o.lower(), k.lower()): v for o, keys in (statement.get("Condition") or {}).items() for k, v in keys.items()
    }
    return bool(named and "*" not in named) or (grants_only and held.get(granted) in ("true", ["true"]))


CONTROL = Control(
    title="A role uses named keys, through a service",
    severity="high",
    reason="Decrypt on every key undoes their separation; without a condition stolen data can be decrypted by hand.",
    remedy="Name the key and add kms:ViaService, kms:EncryptionContext or, for grants, kms:GrantIsForAWSResource.",
    types=IDENTITIES,
    sources=("KMS.1", "KMS.2"),
    applies=lambda policy, plan: grants(policy, plan) and any(may(s, USE) for s in role_statements(policy)),
    check=check,
    good=[
        (
            "aws_iam_role_policy",
            {
                "policy": policy_text(
                    {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": KEY, "Condition": THROUGH_S3}
                )
            },
        )
    ],
    breaks={
        "every key": grant("kms:Decrypt", f"arn:aws:kms:{REGION}:{ACCOUNT}:*", Condition=THROUGH_S3),
        "by hand": grant("kms:Decrypt", KEY),
        "any": grant("kms:Decrypt", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/????????-*", Condition=THROUGH_S3),
        "by a pattern of the action": grant("kms:De*t", KEY),
        "only if there": grant(
            "kms:Decrypt", KEY, Condition={"StringEqualsIfExists": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}
        ),
        "by anybody of the account": grant(
            "kms:Decrypt", KEY, Condition={"StringEquals": {"kms:CallerAccount": ACCOUNT}}
        ),
        "through anything": grant("kms:Decrypt", KEY, Condition={"StringLike": {"kms:ViaService": "*"}}),
    },
)
