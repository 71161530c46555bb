"""A key's material is renewed every year."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource


def check(key: Resource, _: Plan) -> Iterator[str]:
    if key.values.get("enable_key_rotation") is not True:
        yield "enable_key_rotation is not true"


CONTROL = Control(
    title="A key's material is renewed every year",
    severity="medium",
    reason="Rotation bounds what one leaked key can open.",
    remedy="Set enable_key_rotation = true.",
    types=("aws_kms_key",),
    sources=("KMS.4",),
    check=check,
    good=[("aws_kms_key", {"enable_key_rotation": True})],
    breaks={"off": put("enable_key_rotation", False), "unset": drop("enable_key_rotation")},
)
