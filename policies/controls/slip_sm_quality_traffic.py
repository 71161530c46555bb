"""A data-quality job encrypts traffic between its containers."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource


def check(job: Resource, _: Plan) -> Iterator[str]:
    if job.block("network_config").get("enable_inter_container_traffic_encryption") is not True:
        yield "network_config.enable_inter_container_traffic_encryption is not true"


CONTROL = Control(
    title="A data-quality job encrypts traffic between its containers",
    severity="medium",
    reason="Instances of one job exchange captured requests over the network.",
    remedy="Set network_config.enable_inter_container_traffic_encryption = true.",
    types=("aws_sagemaker_data_quality_job_definition",),
    sources=("SageMaker.9",),
    unused="No environment has a data-quality job definition yet.",
    check=check,
    good=[
        (
            "aws_sagemaker_data_quality_job_definition",
            {"network_config": [{"enable_inter_container_traffic_encryption": True}]},
        )
    ],
    breaks={
        "off": put("network_config.0.enable_inter_container_traffic_encryption", False),
        "none": drop("network_config"),
    },
)
