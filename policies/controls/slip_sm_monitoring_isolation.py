"""Scheduled monitoring runs isolated."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put, remove
from policies.control import Control
from policies.plan import Plan, Resource, first


def check(schedule: Resource, plan: Plan) -> Iterator[str]:
    config = schedule.block("monitoring_schedule_config")
    inline = first(config.get("monitoring_job_definition"))
    named = plan.where("aws_sagemaker_data_quality_job_definition", name=config.get("monitoring_job_definition_name"))
    networks = [first(inline.get("network_config"))] if inline else [job.block("network_config") for job in named]
    if not networks or not all(network.get("enable_network_isolation") is True for network in networks):
        yield "no job definition with network isolation belongs to the schedule"


CONTROL = Control(
    title="Scheduled monitoring runs isolated",
    severity="medium",
    reason="Monitoring reads captured requests; cut off, its container can pass them to nobody.",
    remedy="Set enable_network_isolation = true in the job definition that the schedule names.",
    types=("aws_sagemaker_monitoring_schedule",),
    sources=("SageMaker.14",),
    unused="No environment monitors by a SageMaker schedule yet.",
    check=check,
    good=[
        (
            "aws_sagemaker_monitoring_schedule",
            {"monitoring_schedule_config": [{"monitoring_job_definition_name": "j"}]},
        ),
        (
            "aws_sagemaker_data_quality_job_definition",
            {"name": "j", "network_config": [{"enable_network_isolation": True}]},
        ),
    ],
    breaks={
        "gone": remove("aws_sagemaker_data_quality_job_definition"),
        "unknown": put("monitoring_schedule_config.0.monitoring_job_definition_name", "other"),
        "inline": put("monitoring_schedule_config.0.monitoring_job_definition", [{"network_config": []}, 1]),
    },
)
