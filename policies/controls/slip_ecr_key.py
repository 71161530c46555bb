"""A registry is encrypted with a key of our own."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.kit import KEY, own_key
from policies.plan import Plan, Resource


def check(repository: Resource, plan: Plan) -> Iterator[str]:
    encryption = repository.block("encryption_configuration")
    if encryption.get("encryption_type") != "KMS" or not own_key(encryption.get("kms_key"), plan):
        yield "images are not encrypted with a key of this account"


CONTROL = Control(
    title="A registry is encrypted with a key of our own",
    severity="low",
    reason="Images hold code and sometimes models.",
    remedy="Set encryption_configuration to the environment's model key.",
    types=("aws_ecr_repository",),
    sources=("ECR.5",),
    check=check,
    good=[("aws_ecr_repository", {"encryption_configuration": [{"encryption_type": "KMS", "kms_key": KEY}]})],
    breaks={
        "AES256": put("encryption_configuration.0.encryption_type", "AES256"),
        "none": drop("encryption_configuration"),
        "AWS's": put("encryption_configuration.0.kms_key", "alias/aws/ecr"),
    },
)
