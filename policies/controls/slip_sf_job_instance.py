"""A training job's instance type is on the list."""

from __future__ import annotations

from collections.abc import Iterator

from policies.asl import JOBS, WRITES, job_requests, starts
from policies.breaks import in_task
from policies.control import Control
from policies.kit import TRAINING_INSTANCES, machine_text
from policies.plan import Plan, Resource, first


def check(machine: Resource, _: Plan) -> Iterator[str]:
    for name, request in job_requests(machine, *WRITES):
        cluster = request.get("ResourceConfig") or (request.get("ProcessingResources") or {}).get("ClusterConfig")
        kind = first(cluster or request.get("TransformResources")).get("InstanceType")
        if kind not in TRAINING_INSTANCES:
            yield f"state {name}: instance type {kind} is not on the list"


CONTROL = Control(
    title="A training job's instance type is on the list",
    severity="low",
    reason="A typing error, or an input, can cost a salary a day.",
    remedy="Choose a type of training/instances.yaml, or widen the list in a reviewed change.",
    types=("aws_sfn_state_machine",),
    sources=("WA-COST",),
    applies=starts(*WRITES),
    check=check,
    good=[("aws_sfn_state_machine", {"definition": machine_text()})],
    breaks={
        "huge": in_task("Parameters.ResourceConfig.InstanceType", "ml.p4d.24xlarge", *JOBS),
        "from input": in_task("Parameters.ResourceConfig.InstanceType", "$.type", *JOBS),
        "burstable": in_task("Parameters.ResourceConfig.InstanceType", "ml.t3.medium", *JOBS),
    },
)
