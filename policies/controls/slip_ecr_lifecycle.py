"""Old images are cleared away."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import elsewhere, put, remove
from policies.control import Control
from policies.plan import Plan, Resource


def check(repository: Resource, plan: Plan) -> Iterator[str]:
    if not plan.where("aws_ecr_lifecycle_policy", repository=repository.values.get("name")):
        yield "old images stay for ever"


CONTROL = Control(
    title="Old images are cleared away",
    severity="low",
    reason="Old images are storage that is paid for, and holes that nobody mends.",
    remedy="Keep the module's aws_ecr_lifecycle_policy.",
    types=("aws_ecr_repository",),
    sources=("ECR.3",),
    check=check,
    good=[("aws_ecr_repository", {"name": "r"}), ("aws_ecr_lifecycle_policy", {"repository": "r"})],
    breaks={
        "another's": elsewhere(
            "aws_ecr_lifecycle_policy",
            put("repository", "another"),
            lambda p, r: p.values.get("repository") == r.values["name"],
        ),
        "none": remove("aws_ecr_lifecycle_policy", lambda p, r: p.values.get("repository") == r.values["name"]),
    },
)
