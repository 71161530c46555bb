"""A function runs code of this account."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put
from policies.control import ACCOUNT, REGION, Control
from policies.iam import account_of
from policies.plan import Plan, Resource, listed


def check(function: Resource, plan: Plan) -> Iterator[str]:
    values = function.values
    for layer in listed(values.get("layers")):
        if account_of(layer) != plan.account:
            yield f"layer {layer} is of another account"
    image = values.get("image_uri")
    if image and not (str(image).startswith(f"{plan.account}.dkr.ecr.") and "@sha256:" in str(image)):
        yield f"image {image} is not pinned by digest in this account's registry"
    if values.get("s3_bucket") and not plan.where("aws_s3_bucket", bucket=values["s3_bucket"]):
        yield f"its code lies in {values['s3_bucket']}, no bucket of this environment"


CONTROL = Control(
    title="A function runs code of this account",
    severity="high",
    reason="A layer or an image of another account runs with the function's role, and changes without us.",
    remedy="Build the code into the zip; publish a layer or an image in this account.",
    types=("aws_lambda_function",),
    sources=("SLSA",),
    check=check,
    good=[("aws_lambda_function", {"layers": [f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:l:1"]})],
    breaks={
        "layer": put("layers", [f"arn:aws:lambda:{REGION}:999999999999:layer:l:1"]),
        "image": put("image_uri", f"999999999999.dkr.ecr.{REGION}.amazonaws.com/f@sha256:{'0' * 64}"),
        "bucket": put("s3_bucket", "somebody-else"),
    },
)
