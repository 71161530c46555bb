"""A notebook runs on a platform that AWS supports."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource


def check(notebook: Resource, _: Plan) -> Iterator[str]:
    if notebook.values.get("platform_identifier") not in ("notebook-al2-v3", "notebook-al2023-v1"):
        yield f"platform_identifier {notebook.values.get('platform_identifier')} is no longer supported"


CONTROL = Control(
    title="A notebook runs on a platform that AWS supports",
    severity="medium",
    reason="An old platform gets no security updates.",
    remedy="Set platform_identifier = notebook-al2023-v1.",
    types=("aws_sagemaker_notebook_instance",),
    sources=("SageMaker.8",),
    unused="The environments have no notebooks.",
    check=check,
    good=[("aws_sagemaker_notebook_instance", {"platform_identifier": "notebook-al2023-v1"})],
    breaks={"old": put("platform_identifier", "notebook-al1-v1"), "unset": drop("platform_identifier")},
)
