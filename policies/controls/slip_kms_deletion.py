"""The deletion of a key can be taken back for long enough."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put
from policies.control import Control
from policies.plan import Plan, Resource


def check(key: Resource, plan: Plan) -> Iterator[str]:
    days = key.values.get("deletion_window_in_days") or 30
    if days < (30 if plan.production else 7):
        yield f"it is gone {days} days after a deletion"


CONTROL = Control(
    title="The deletion of a key can be taken back for long enough",
    severity="medium",
    reason="With the key all its data is gone; production gets the thirty days that AWS offers.",
    remedy="Set deletion_window_days = 30.",
    types=("aws_kms_key",),
    sources=("KMS.3",),
    check=check,
    good=[("aws_kms_key", {"deletion_window_in_days": 30})],
    breaks={"none": put("deletion_window_in_days", 1), "a few": put("deletion_window_in_days", 5)},
)
