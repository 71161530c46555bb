"""Users are not root on a notebook."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource


def check(notebook: Resource, _: Plan) -> Iterator[str]:
    if notebook.values.get("root_access") != "Disabled":
        yield "root_access is not Disabled"


CONTROL = Control(
    title="Users are not root on a notebook",
    severity="high",
    reason="Root can change what watches the notebook and install anything.",
    remedy="Set root_access = Disabled.",
    types=("aws_sagemaker_notebook_instance",),
    sources=("SageMaker.3",),
    unused="The environments have no notebooks.",
    check=check,
    good=[("aws_sagemaker_notebook_instance", {"root_access": "Disabled"})],
    breaks={"on": put("root_access", "Enabled"), "unset": drop("root_access")},
)
