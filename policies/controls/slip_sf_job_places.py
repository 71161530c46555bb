"""A job writes into buckets of the environment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policies.asl import JOBS, WRITES, job_requests, starts
from policies.breaks import in_task
from policies.control import Control
from policies.kit import machine_text
from policies.plan import Plan, Resource

WRITTEN = (
    "OutputDataConfig",
    "CheckpointConfig",
    "DebugHookConfig",
    "ProfilerConfig",
    "ProcessingOutputConfig",
    "TensorBoardOutputConfig",
    "TransformOutput",
)


def check(machine: Resource, plan: Plan) -> Iterator[str]:
    buckets = {bucket.values.get("bucket") for bucket in plan.of("aws_s3_bucket")}
    for name, request in job_requests(machine, *WRITES):
        for place in [place for key in WRITTEN for place in _places(request.get(key))]:
            if place.split("/")[2] not in buckets:
                yield f"state {name}: {place} is in no bucket of this environment"


def _places(node: Any) -> Iterator[str]:
    """Every S3 location that is written down; one that is put together at run time is bounded by the job's role."""
    if isinstance(node, str) and node.startswith("s3://"):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _places(inner)


CONTROL = Control(
    title="A job writes into buckets of the environment",
    severity="high",
    reason="The output is the model, and checkpoints and debugger output hold its weights too.",
    remedy="Write to the models bucket.",
    types=("aws_sfn_state_machine",),
    sources=("ML-KMS",),
    applies=starts(*WRITES),
    check=check,
    good=[("aws_sfn_state_machine", {"definition": machine_text()}), ("aws_s3_bucket", {"bucket": "models"})],
    breaks={
        "elsewhere": in_task("Parameters.OutputDataConfig.S3OutputPath", "s3://somebody-else/w", *JOBS),
        "checkpoints": in_task("Parameters.CheckpointConfig", {"S3Uri": "s3://somebody-else/c"}, *JOBS),
        "debugger": in_task("Parameters.DebugHookConfig", {"S3OutputPath": "s3://somebody-else/d"}, *JOBS),
    },
)
