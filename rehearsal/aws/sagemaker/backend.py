"""moto's SageMaker backend with real jobs, endpoints and registry in place of its stored answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import SageMakerModelBackend

from rehearsal.aws.context import current
from rehearsal.aws.sagemaker.registry import packages

if TYPE_CHECKING:
    from rehearsal.aws.sagemaker.jobs import Job
    from rehearsal.aws.sagemaker.registry.records import ModelPackage, ModelPackageGroup
    from rehearsal.aws.sagemaker.serving.configs import EndpointConfig
    from rehearsal.aws.sagemaker.serving.endpoint import Endpoint
    from rehearsal.aws.sagemaker.serving.models import Model
    from rehearsal.aws.sagemaker.training.job import TrainingJob
    from rehearsal.aws.sagemaker.tuning.job import TuningJob


class SageMakerBackend(SageMakerModelBackend):
    """The account's SageMaker. It holds plain data only, so that it can be saved and restored.

    The dictionaries keep moto's names: Search and tagging read them.
    """

    training_jobs: dict[str, TrainingJob]
    hyper_parameter_tuning_jobs: dict[str, TuningJob]
    processing_jobs: dict[str, Job]
    transform_jobs: dict[str, Job]
    _models: dict[str, Model]
    endpoint_configs: dict[str, EndpointConfig]
    endpoints: dict[str, Endpoint]
    model_package_groups: dict[str, ModelPackageGroup]
    model_packages: dict[str, ModelPackage]

    @property
    def _url_module(self) -> Any:  # moto derives it from the name of the class's module
        from moto.sagemaker import urls

        return urls

    def package_container(self, name_or_arn: str) -> dict[str, Any]:
        """Return the container that a model package describes."""
        return packages.container(current(), self, name_or_arn)

    def add_tags(self, arn: str, tags: list[dict[str, str]]) -> list[dict[str, str]]:
        """Set tags; a key that exists gets the new value."""
        resource = self._get_resource_from_arn(arn)
        merged = {tag["Key"]: tag for tag in [*(resource.tags or []), *tags]}
        resource.tags = list(merged.values())
        return resource.tags

    def _get_resource_from_arn(self, arn: str) -> Any:
        kind, _, name = arn.split(":", 5)[-1].partition("/")
        if kind == "model-package":
            return packages.find(current(), self, arn)
        resource = super()._get_resource_from_arn(arn)
        if resource is None:
            raise ValidationError(message=f'Could not find {kind} "{name}".')
        return resource
