"""A data-quality job runs isolated."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource


def check(job: Resource, _: Plan) -> Iterator[str]:
    if job.block("network_config").get("enable_network_isolation") is not True:
        yield "network_config.enable_network_isolation is not true"


CONTROL = Control(
    title="A data-quality job runs isolated",
    severity="medium",
    reason="The job reads captured requests.",
    remedy="Set network_config.enable_network_isolation = true.",
    types=("aws_sagemaker_data_quality_job_definition",),
    sources=("SageMaker.11",),
    unused="No environment has a data-quality job definition yet.",
    check=check,
    good=[("aws_sagemaker_data_quality_job_definition", {"network_config": [{"enable_network_isolation": True}]})],
    breaks={"off": put("network_config.0.enable_network_isolation", False), "none": drop("network_config")},
)
