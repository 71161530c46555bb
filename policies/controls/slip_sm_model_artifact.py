"""A model's file lies in a bucket of the environment."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put
from policies.control import Control
from policies.plan import Plan, Resource, listed


def check(model: Resource, plan: Plan) -> Iterator[str]:
    buckets = {bucket.values.get("bucket") for bucket in plan.of("aws_s3_bucket")}
    for container in [*listed(model.values.get("primary_container")), *listed(model.values.get("container"))]:
        url = str(container.get("model_data_url"))
        if not url.startswith("s3://") or url.split("/")[2] not in buckets:
            yield f"model_data_url {url} is in no bucket of this environment"


CONTROL = Control(
    title="A model's file lies in a bucket of the environment",
    severity="high",
    reason="Whoever can write the file decides what the endpoint runs; only our buckets are closed to others.",
    remedy="Copy the artefact into the models bucket and promote it from there.",
    types=("aws_sagemaker_model",),
    sources=("SLSA",),
    check=check,
    good=[
        ("aws_sagemaker_model", {"primary_container": [{"model_data_url": "s3://models/a/model.tar.gz"}]}),
        ("aws_s3_bucket", {"bucket": "models"}),
    ],
    breaks={
        "foreign bucket": put("primary_container.0.model_data_url", "s3://somebody-else/model.tar.gz"),
        "https": put("primary_container.0.model_data_url", "https://example.com/model.tar.gz"),
    },
)
