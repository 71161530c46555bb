"""CreateTransformJob and its siblings, on plain dictionaries."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from rehearsal.aws.sagemaker import jobs, roles
from rehearsal.aws.sagemaker.serving import models, spec
from rehearsal.aws.sagemaker.transform import request as rules
from rehearsal.aws.sagemaker.transform import run

if TYPE_CHECKING:
    from rehearsal.aws.context import Context
    from rehearsal.aws.sagemaker.backend import SageMakerBackend

KIND = jobs.Kind("Transform", "transform", order="Descending", size=10)


def create(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Start a job and answer at once.

    Raises
    ------
    AWSValidationException, ResourceInUseException
        For a request that AWS would refuse, or that this one cannot carry out.
    """
    name = request["TransformJobName"]
    arn = jobs.arn(context, KIND, name)
    jobs.require_new(backend.transform_jobs, KIND, request, arn)
    model = models.find(context, backend, request["ModelName"])
    rules.check(request)
    role = model.request.get("ExecutionRoleArn", "")
    roles.require_assumable(context, role, arn)
    kept = {member: value for member, value in request.items() if member != "Tags"}
    job = jobs.Job(KIND, name, arn, kept, role, request.get("Tags") or [])
    backend.transform_jobs[name] = job
    variant = {"VariantName": "AllTraffic", "InitialInstanceCount": request["TransformResources"]["InstanceCount"]}
    resolve = partial(spec.resolve, variant, model, backend.package_container)
    jobs.start(context, job, lambda started: run.work(started, resolve()))
    return {"TransformJobArn": arn}


def describe(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer DescribeTransformJob."""
    return jobs.find(backend.transform_jobs, KIND, request).response_object


def stop(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> None:
    """Answer StopTransformJob."""
    jobs.stop(backend.transform_jobs, KIND, request)


def list_all(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer ListTransformJobs."""
    return jobs.list_all(backend.transform_jobs, KIND, request)
