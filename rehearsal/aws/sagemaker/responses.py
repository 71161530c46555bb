"""The API operations that act for real. Everything else of SageMaker stays as moto has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import camelcase_to_underscores
from moto.sagemaker.responses import SageMakerResponse

from rehearsal.aws.context import current
from rehearsal.aws.sagemaker import validation
from rehearsal.aws.sagemaker.processing import api as processing
from rehearsal.aws.sagemaker.registry import groups, packages
from rehearsal.aws.sagemaker.serving import api as endpoints
from rehearsal.aws.sagemaker.serving import configs, models
from rehearsal.aws.sagemaker.training import api as training
from rehearsal.aws.sagemaker.transform import api as transform
from rehearsal.aws.sagemaker.tuning import api as tuning

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.aws.context import Context
    from rehearsal.aws.sagemaker.backend import SageMakerBackend

    Operation = Callable[[Context, SageMakerBackend, dict[str, Any]], dict[str, Any] | None]

OPERATIONS: dict[str, Operation] = {
    "CreateTrainingJob": training.create,
    "DescribeTrainingJob": training.describe,
    "StopTrainingJob": training.stop,
    "UpdateTrainingJob": training.update,
    "DeleteTrainingJob": training.delete,
    "ListTrainingJobs": training.list_all,
    "CreateHyperParameterTuningJob": tuning.create,
    "DescribeHyperParameterTuningJob": tuning.describe,
    "StopHyperParameterTuningJob": tuning.stop,
    "DeleteHyperParameterTuningJob": tuning.delete,
    "ListHyperParameterTuningJobs": tuning.list_all,
    "ListTrainingJobsForHyperParameterTuningJob": tuning.list_trials,
    "CreateProcessingJob": processing.create,
    "DescribeProcessingJob": processing.describe,
    "StopProcessingJob": processing.stop,
    "ListProcessingJobs": processing.list_all,
    "CreateTransformJob": transform.create,
    "DescribeTransformJob": transform.describe,
    "StopTransformJob": transform.stop,
    "ListTransformJobs": transform.list_all,
    "CreateModel": models.create,
    "DescribeModel": models.describe,
    "DeleteModel": models.delete,
    "ListModels": models.list_all,
    "CreateEndpointConfig": configs.create,
    "DescribeEndpointConfig": configs.describe,
    "DeleteEndpointConfig": configs.delete,
    "ListEndpointConfigs": configs.list_all,
    "CreateEndpoint": endpoints.create,
    "UpdateEndpoint": endpoints.update,
    "UpdateEndpointWeightsAndCapacities": endpoints.update_weights,
    "DescribeEndpoint": endpoints.describe,
    "DeleteEndpoint": endpoints.delete,
    "ListEndpoints": endpoints.list_all,
    "CreateModelPackageGroup": groups.create,
    "DescribeModelPackageGroup": groups.describe,
    "DeleteModelPackageGroup": groups.delete,
    "ListModelPackageGroups": groups.list_all,
    "PutModelPackageGroupPolicy": groups.put_policy,
    "GetModelPackageGroupPolicy": groups.get_policy,
    "DeleteModelPackageGroupPolicy": groups.delete_policy,
    "CreateModelPackage": packages.create,
    "DescribeModelPackage": packages.describe,
    "UpdateModelPackage": packages.update,
    "DeleteModelPackage": packages.delete,
    "ListModelPackages": packages.list_all,
}


class Responses(SageMakerResponse):
    """moto's operations, with those of :data:`OPERATIONS` over them."""


def _method(name: str, operation: Operation) -> Callable[[Responses], ActionResult]:
    def answer(self: Responses) -> ActionResult:
        request = dict(self._get_params())
        validation.check(name, request)
        result = operation(current(), cast("SageMakerBackend", self.sagemaker_backend), request)
        return EmptyResult() if result is None else ActionResult(result)

    answer.__doc__ = f"Answer {name}."
    return answer


for _name, _operation in OPERATIONS.items():
    setattr(Responses, camelcase_to_underscores(_name), _method(_name, _operation))
