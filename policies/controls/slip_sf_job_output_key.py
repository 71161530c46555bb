"""What a job writes is encrypted with a key of our own."""

from __future__ import annotations

from collections.abc import Iterator

from policies.asl import JOBS, WRITES, job_requests, starts
from policies.breaks import in_task
from policies.control import Control
from policies.kit import machine_text, own_key
from policies.plan import Plan, Resource, first


def check(machine: Resource, plan: Plan) -> Iterator[str]:
    for name, request in job_requests(machine, *WRITES):
        output = first(
            request.get("OutputDataConfig") or request.get("ProcessingOutputConfig") or request.get("TransformOutput")
        )
        if not own_key(output.get("KmsKeyId"), plan):
            yield f"state {name}: the output's KmsKeyId is no key of this account"


CONTROL = Control(
    title="What a job writes is encrypted with a key of our own",
    severity="high",
    reason="The output is the model.",
    remedy="Give the output configuration KmsKeyId, the environment's model key.",
    types=("aws_sfn_state_machine",),
    sources=("ML-KMS",),
    applies=starts(*WRITES),
    check=check,
    good=[("aws_sfn_state_machine", {"definition": machine_text()})],
    breaks={
        "none": in_task("Parameters.OutputDataConfig.KmsKeyId", None, *JOBS, gone=True),
        "AWS's": in_task("Parameters.OutputDataConfig.KmsKeyId", "alias/aws/s3", *JOBS),
        "foreign": in_task("Parameters.OutputDataConfig.KmsKeyId", "arn:aws:kms:eu-west-1:999999999999:key/x", *JOBS),
    },
)
