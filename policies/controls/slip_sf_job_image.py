"""An image that a state machine starts or registers comes from the own registry, by digest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from policies.asl import ISOLATED, JOBS, PACKAGE, job_requests, starts
from policies.breaks import in_task
from policies.control import Control
from policies.kit import machine_text
from policies.plan import Plan, Resource, first, listed


def check(machine: Resource, plan: Plan) -> Iterator[str]:
    own = re.compile(rf"{plan.account}\.dkr\.ecr\.{plan.region}\.amazonaws\.com/[^:@]+@sha256:[0-9a-f]{{64}}")
    for name, request in job_requests(machine, *ISOLATED, PACKAGE):
        for image in _images(request):
            if not own.fullmatch(str(image)):
                yield f"state {name}: image {image} is not pinned by digest in this account's registry"


def _images(request: Mapping[str, Any]) -> list[Any]:
    """The images of any kind of job, model or package; [None] where none is named."""
    containers = [request.get("PrimaryContainer"), *listed(request.get("Containers"))]
    containers += listed((request.get("InferenceSpecification") or {}).get("Containers"))
    found = [first(container).get("Image") for container in containers if container]
    found += [first(request.get("AppSpecification")).get("ImageUri")] if "AppSpecification" in request else []
    algorithm = request.get("AlgorithmSpecification")
    return found + ([first(algorithm).get("TrainingImage")] if algorithm or not found else [])


CONTROL = Control(
    title="An image that a state machine starts or registers comes from the own registry, by digest",
    severity="high",
    reason="A tag can be moved and a foreign registry can change; training code sees all data.",
    remedy="Copy the image into this account's ECR and name it as repository@sha256:digest.",
    types=("aws_sfn_state_machine",),
    sources=("SLSA",),
    applies=starts(*ISOLATED, PACKAGE),
    check=check,
    good=[("aws_sfn_state_machine", {"definition": machine_text()})],
    breaks={
        "tag": in_task(
            "Parameters.AlgorithmSpecification.TrainingImage",
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com/w/training:latest",
            *JOBS,
        ),
        "foreign": in_task(
            "Parameters.AlgorithmSpecification.TrainingImage",
            f"999999999999.dkr.ecr.eu-west-1.amazonaws.com/w@sha256:{'0' * 64}",
            *JOBS,
        ),
        "from input": in_task("Parameters.AlgorithmSpecification.TrainingImage", "$.image", *JOBS),
    },
)
