"""A model's image comes from the own registry, by digest."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies.breaks import put
from policies.control import ACCOUNT, REGION, Control
from policies.plan import Plan, Resource, listed


def check(model: Resource, plan: Plan) -> Iterator[str]:
    own = re.compile(rf"{plan.account}\.dkr\.ecr\.{plan.region}\.amazonaws\.com/[^:@]+@sha256:[0-9a-f]{{64}}")
    for container in [*listed(model.values.get("primary_container")), *listed(model.values.get("container"))]:
        if not own.fullmatch(str(container.get("image"))):
            yield f"image {container.get('image')} is not pinned by digest in this account's registry"


CONTROL = Control(
    title="A model's image comes from the own registry, by digest",
    severity="high",
    reason="A tag can be moved and a foreign registry can change: only a digest says which code answers requests.",
    remedy="Push the image to this account's ECR and name it as repository@sha256:digest.",
    types=("aws_sagemaker_model",),
    sources=("SLSA",),
    check=check,
    good=[
        (
            "aws_sagemaker_model",
            {"primary_container": [{"image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/w/serving@sha256:{'0' * 64}"}]},
        )
    ],
    breaks={
        "tag": put("primary_container.0.image", f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/w/serving:latest"),
        "other account": put(
            "primary_container.0.image", f"999999999999.dkr.ecr.{REGION}.amazonaws.com/w@sha256:{'0' * 64}"
        ),
        "public": put("primary_container.0.image", f"docker.io/library/model@sha256:{'0' * 64}"),
    },
)
