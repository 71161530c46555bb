"""A job's volumes are encrypted with a key of our own."""

from __future__ import annotations

from collections.abc import Iterator

from policies.asl import JOBS, WRITES, job_requests, starts
from policies.breaks import in_task
from policies.control import Control
from policies.kit import machine_text, own_key
from policies.plan import Plan, Resource, first


def check(machine: Resource, plan: Plan) -> Iterator[str]:
    for name, request in job_requests(machine, *WRITES):
        config = request.get("ResourceConfig") or (request.get("ProcessingResources") or {}).get("ClusterConfig")
        config = first(config or request.get("TransformResources"))
        if not own_key(config.get("VolumeKmsKeyId"), plan):
            yield f"state {name}: VolumeKmsKeyId is no key of this account"


CONTROL = Control(
    title="A job's volumes are encrypted with a key of our own",
    severity="medium",
    reason="The volume holds the dataset while the job runs.",
    remedy="Give the resource configuration VolumeKmsKeyId, the environment's model key.",
    types=("aws_sfn_state_machine",),
    sources=("ML-KMS",),
    applies=starts(*WRITES),
    check=check,
    good=[("aws_sfn_state_machine", {"definition": machine_text()})],
    breaks={
        "none": in_task("Parameters.ResourceConfig.VolumeKmsKeyId", None, *JOBS, gone=True),
        "AWS's": in_task("Parameters.ResourceConfig.VolumeKmsKeyId", "alias/aws/ebs", *JOBS),
        "from input": in_task("Parameters.ResourceConfig.VolumeKmsKeyId", "$.key", *JOBS),
    },
)
