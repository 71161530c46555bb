"""A key is used through named services."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import each_statement, grant, in_document
from policies.control import ACCOUNT, Control
from policies.iam import account_of, demanded, may
from policies.kit import policy_text
from policies.plan import Plan, Resource, condition_keys, statements

USE = ("kms:creategrant", "kms:decrypt", "kms:encrypt", "kms:generatedatakey", "kms:reencryptfrom", "kms:reencryptto")


def check(key: Resource, plan: Plan) -> Iterator[str]:
    for statement in statements(key.values.get("policy"), "Allow"):
        use = may(statement, USE)
        if not use or may(statement, ["kms:putkeypolicy"]):
            continue
        context = [k for k in condition_keys(statement) if k.startswith("kms:encryptioncontext:")]
        through = [value for k in ("kms:viaservice", *context) for value in demanded(statement, k)]
        sources = [value for k in ("aws:sourceaccount", "aws:sourcearn") for value in demanded(statement, k)]
        ours = sources and all(account_of(value) == plan.account for value in sources)
        if not ours and (not through or "*" in through):
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
        "by a pattern": grant("kms:D*t", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/a"}),
        "only if there": each_statement(
            lambda s: s.update(Condition={"StringEqualsIfExists": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}),
            lambda s: "kms:ViaService" in str(s),
        ),
        "anything but S3": each_statement(
            lambda s: s.update(Condition={"StringNotEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}),
            lambda s: "kms:ViaService" in str(s),
        ),
        "caller": each_statement(
            lambda s: s.update(Condition={"StringEquals": {"kms:CallerAccount": "111122223333"}}),
            lambda s: "kms:ViaService" in str(s),
        ),
    },
)
