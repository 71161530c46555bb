"""A key is used through named services."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import each_statement, in_document
from policies.control import ACCOUNT, Control
from policies.kit import policy_text
from policies.plan import Plan, Resource, actions, condition_keys, statements

USE = ("kms:decrypt", "kms:encrypt", "kms:generatedatakey", "kms:reencrypt", "kms:creategrant")


def check(key: Resource, _: Plan) -> Iterator[str]:
    for statement in statements(key.values.get("policy"), "Allow"):
        use = [action for action in actions(statement) if action.startswith(USE)]
        keys = condition_keys(statement)
        through = "kms:viaservice" in keys or any(k.startswith("kms:encryptioncontext:") for k in keys)
        if use and not through and not keys & {"aws:sourceaccount", "aws:sourcearn"}:
            yield f"{statement.get('Sid')} allows {', '.join(use)} without saying through what"


CONTROL = Control(
    title="A key is used through named services",
    severity="high",
    reason="Whoever has credentials and a copy of the data could decrypt it by hand.",
    remedy="Condition use on kms:ViaService, kms:EncryptionContext, or aws:SourceAccount for a service.",
    types=("aws_kms_key",),
    sources=("KMS-VIA",),
    check=check,
    good=[
        (
            "aws_kms_key",
            {
                "policy": policy_text(
                    {
                        "Effect": "Allow",
                        "Action": "kms:Decrypt",
                        "Resource": "*",
                        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                        "Condition": {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}},
                    }
                )
            },
        )
    ],
    breaks={
        "by hand": each_statement(lambda s: s.pop("Condition"), lambda s: "kms:ViaService" in str(s)),
        "grants": in_document(
            "policy",
            lambda doc: doc["Statement"].append(
                {
                    "Sid": "Mutant",
                    "Effect": "Allow",
                    "Action": "kms:CreateGrant",
                    "Resource": "*",
                    "Principal": {"AWS": doc["Statement"][0]["Principal"]["AWS"]},
                }
            ),
        ),
        "caller": each_statement(
            lambda s: s.update(Condition={"StringEquals": {"kms:CallerAccount": "111122223333"}}),
            lambda s: "kms:ViaService" in str(s),
        ),
    },
)
