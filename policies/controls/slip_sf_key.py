"""A state machine's history is encrypted with a key of our own."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.kit import KEY, own_key
from policies.plan import Plan, Resource


def check(machine: Resource, plan: Plan) -> Iterator[str]:
    encryption = machine.block("encryption_configuration")
    if encryption.get("type") != "CUSTOMER_MANAGED_KMS_KEY" or not own_key(encryption.get("kms_key_id"), plan):
        yield "definition and history are not encrypted with a key of this account"


CONTROL = Control(
    title="A state machine's history is encrypted with a key of our own",
    severity="medium",
    reason="The history holds the inputs and outputs of every state.",
    remedy="Set encryption_configuration to the environment's data key.",
    types=("aws_sfn_state_machine",),
    sources=("ML-KMS",),
    check=check,
    good=[
        (
            "aws_sfn_state_machine",
            {"encryption_configuration": [{"type": "CUSTOMER_MANAGED_KMS_KEY", "kms_key_id": KEY}]},
        )
    ],
    breaks={
        "none": drop("encryption_configuration"),
        "AWS's": put("encryption_configuration.0.type", "AWS_OWNED_KEY"),
        "foreign": put("encryption_configuration.0.kms_key_id", "arn:aws:kms:eu-west-1:999999999999:key/x"),
    },
)
