"""A role uses named keys, through a service."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import grant
from policies.control import Control
from policies.kit import KEY, policy_text
from policies.plan import Plan, Resource, actions, condition_keys, listed, role_statements


def check(policy: Resource, _: Plan) -> Iterator[str]:
    for statement in role_statements(policy):
        use = [action for action in actions(statement) if action.startswith("kms:") and not action.endswith(":*")]
        for arn in listed(statement.get("Resource")) if use else []:
            if arn == "*" or str(arn).endswith((":*", "key/*", "alias/*")):
                yield f"{statement.get('Sid')} uses every key"
        if use and not any(key.startswith("kms:") for key in condition_keys(statement)):
            yield f"{statement.get('Sid')} uses keys past the services"


CONTROL = Control(
    title="A role uses named keys, through a service",
    severity="high",
    reason="Decrypt on every key undoes their separation; without a condition stolen data can be decrypted by hand.",
    remedy="Name the key and add kms:ViaService, kms:EncryptionContext or kms:GrantIsForAWSResource.",
    types=("aws_iam_role_policy",),
    sources=("KMS.1", "KMS.2"),
    applies=lambda policy, _: any(action.startswith("kms:") for s in role_statements(policy) for action in actions(s)),
    check=check,
    good=[
        (
            "aws_iam_role_policy",
            {
                "policy": policy_text(
                    {
                        "Effect": "Allow",
                        "Action": "kms:Decrypt",
                        "Resource": KEY,
                        "Condition": {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}},
                    }
                )
            },
        )
    ],
    breaks={
        "every key": grant(
            "kms:Decrypt", "*", Condition={"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}
        ),
        "by hand": grant("kms:Decrypt", KEY),
        "any": grant(
            "kms:Decrypt",
            "arn:aws:kms:eu-west-1:111122223333:key/*",
            Condition={"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}},
        ),
    },
)
