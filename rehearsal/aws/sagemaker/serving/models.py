"""Models: what an endpoint runs, and as whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moto.sagemaker.utils import arn_formatter

from rehearsal.aws.sagemaker import listing, roles, s3
from rehearsal.aws.sagemaker.clock import now
from rehearsal.aws.sagemaker.errors import AWSValidationException

if TYPE_CHECKING:
    from datetime import datetime

    from rehearsal.aws.context import Context
    from rehearsal.aws.sagemaker.backend import SageMakerBackend


@dataclass
class Model:
    """One model. ``request`` is CreateModel's input without its tags."""

    model_name: str
    arn: str
    request: dict[str, Any]
    tags: list[dict[str, str]]
    creation_time: datetime = field(default_factory=now)

    @property
    def response_object(self) -> dict[str, Any]:
        """DescribeModel's answer."""
        return {
            "EnableNetworkIsolation": False,
            **self.request,
            "ModelArn": self.arn,
            "CreationTime": self.creation_time,
        }

    @property
    def containers(self) -> list[dict[str, Any]]:
        """The containers, of which the first is the primary one."""
        primary = self.request.get("PrimaryContainer")
        return [primary] if primary else list(self.request.get("Containers") or [])


def create(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer CreateModel.

    Raises
    ------
    AWSValidationException
        For a name that exists, both or neither kind of container, a role SageMaker may not assume, missing data.
    """
    name = request["ModelName"]
    arn = arn_formatter("model", name, context.account_id, context.region)
    if name in backend._models:
        raise AWSValidationException(f'Cannot create already existing model "{arn}".')
    if bool(request.get("PrimaryContainer")) == bool(request.get("Containers")):
        raise AWSValidationException("You must provide either PrimaryContainer or Containers, and not both.")
    if request.get("ExecutionRoleArn"):
        roles.require_assumable(context, request["ExecutionRoleArn"], arn)
    tags = request.get("Tags") or []
    model = Model(name, arn, {k: v for k, v in request.items() if k != "Tags"}, tags)
    for container in model.containers:
        container.setdefault("Mode", "SingleModel")
        _require_data(context, container)
    backend._models[name] = model
    return {"ModelArn": arn}


def find(context: Context, backend: SageMakerBackend, name: str) -> Model:
    """Return a model or raise what DescribeModel answers for an unknown one."""
    model = backend._models.get(name)
    if model is None:
        arn = arn_formatter("model", name, context.account_id, context.region)
        raise AWSValidationException(f'Could not find model "{arn}".')
    return model


def describe(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer DescribeModel."""
    return find(context, backend, request["ModelName"]).response_object


def delete(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> None:
    """Answer DeleteModel. Endpoints that run the model keep it, as on AWS."""
    del backend._models[find(context, backend, request["ModelName"]).model_name]


def list_all(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer ListModels."""
    page, token = listing.page(
        backend._models.values(), request, name=lambda model: model.model_name, order="Descending"
    )
    lines = [{"ModelName": m.model_name, "ModelArn": m.arn, "CreationTime": m.creation_time} for m in page]
    return {"Models": lines, "NextToken": token} if token else {"Models": lines}


def _require_data(context: Context, container: dict[str, Any]) -> None:
    """Check that the model data exists. Whether the role may read it shows when an endpoint downloads it."""
    from moto.core.exceptions import ServiceException
    from moto.s3.models import s3_backends

    url = container.get("ModelDataUrl")
    if not url:
        return
    try:
        bucket, key = s3.split(url)
        found = s3_backends[context.account_id]["aws"].get_object(bucket, key) is not None
    except (ValueError, ServiceException):
        found = False
    if not found:
        raise AWSValidationException(f"Could not find model data at {url}.")
