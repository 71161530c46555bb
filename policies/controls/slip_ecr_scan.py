"""An image is scanned when it is pushed."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource


def check(repository: Resource, _: Plan) -> Iterator[str]:
    if repository.block("image_scanning_configuration").get("scan_on_push") is not True:
        yield "images are not scanned"


CONTROL = Control(
    title="An image is scanned when it is pushed",
    severity="medium",
    reason="Known holes in packages are found before the image serves.",
    remedy="Set scan_on_push = true.",
    types=("aws_ecr_repository",),
    sources=("ECR.1",),
    check=check,
    good=[("aws_ecr_repository", {"image_scanning_configuration": [{"scan_on_push": True}]})],
    breaks={
        "off": put("image_scanning_configuration.0.scan_on_push", False),
        "none": drop("image_scanning_configuration"),
    },
)
