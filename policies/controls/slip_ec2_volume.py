"""Volumes of instances are encrypted with a key of our own."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.kit import KEY, own_key
from policies.plan import Plan, Resource, first, listed


def check(template: Resource, plan: Plan) -> Iterator[str]:
    devices = listed(template.values.get("block_device_mappings"))
    if not devices:
        yield "its volumes are the image's, encrypted or not"
    for device in devices:
        volume, name = first(device.get("ebs")), device.get("device_name")
        if str(volume.get("encrypted")).lower() != "true":
            yield f"{name} is not encrypted"
        elif not own_key(volume.get("kms_key_id"), plan):
            yield f"{name} is not encrypted with a key of this account"


CONTROL = Control(
    title="Volumes of instances are encrypted with a key of our own",
    severity="high",
    reason="The volume holds the dataset, the model and whatever people leave beside them.",
    remedy="Name the root device in block_device_mappings, encrypted, with the environment's data key.",
    types=("aws_launch_template",),
    sources=("EC2.3",),
    unused="Workbenches, the only instances, are off in the committed environments.",
    check=check,
    good=[
        (
            "aws_launch_template",
            {
                "block_device_mappings": [
                    {"device_name": "/dev/sda1", "ebs": [{"encrypted": "true", "kms_key_id": KEY}]}
                ]
            },
        )
    ],
    breaks={
        "plain": put("block_device_mappings.0.ebs.0.encrypted", "false"),
        "AWS's key": put("block_device_mappings.0.ebs.0.kms_key_id", "alias/aws/ebs"),
        "foreign": put("block_device_mappings.0.ebs.0.kms_key_id", "arn:aws:kms:eu-west-1:999999999999:key/x"),
        "the image's": drop("block_device_mappings"),
    },
)
