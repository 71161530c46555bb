"""A tag in the registry cannot be moved."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource


def check(repository: Resource, _: Plan) -> Iterator[str]:
    if repository.values.get("image_tag_mutability") != "IMMUTABLE":
        yield "a tag can be moved to another image"


CONTROL = Control(
    title="A tag in the registry cannot be moved",
    severity="medium",
    reason="What was approved under a tag must stay what runs under it.",
    remedy="Set image_tag_mutability = IMMUTABLE.",
    types=("aws_ecr_repository",),
    sources=("ECR.2",),
    check=check,
    good=[("aws_ecr_repository", {"image_tag_mutability": "IMMUTABLE"})],
    breaks={"mutable": put("image_tag_mutability", "MUTABLE"), "unset": drop("image_tag_mutability")},
)
