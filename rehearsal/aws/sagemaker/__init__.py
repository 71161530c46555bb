"""SageMaker that runs: training jobs and model servers as processes, InvokeEndpoint, autoscaling, the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rehearsal.aws.context import Context


def install(context: Context) -> None:
    """Put our backend and our operations in the place of moto's."""
    from moto.sagemaker import urls
    from moto.sagemaker.models import sagemaker_backends

    from rehearsal.aws.sagemaker.backend import SageMakerBackend
    from rehearsal.aws.sagemaker.responses import Responses

    sagemaker_backends.backend = SageMakerBackend
    urls.url_paths.update(dict.fromkeys(urls.url_paths, Responses.dispatch))


def prepare(service: str, context: Context) -> None:
    """Add the operation that moto's Application Auto Scaling lacks, when it is first used."""
    if service == "applicationautoscaling":
        from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse

        from rehearsal.aws.sagemaker.autoscaling.activities import describe_scaling_activities

        ApplicationAutoScalingResponse.describe_scaling_activities = describe_scaling_activities


def fast_path(app: Any, context: Context) -> Any:
    """Answer InvokeEndpoint before it reaches moto."""
    from rehearsal.aws.sagemaker.serving.invoke import InvokeEndpoint

    return InvokeEndpoint(app, context)


def start(context: Context) -> None:
    """Start the threads that watch over endpoints and let autoscaling act."""
    from rehearsal.aws.sagemaker.autoscaling import loop
    from rehearsal.aws.sagemaker.serving import live

    live.watch(context)
    loop.start(context)


def before_save(context: Context) -> None:
    """Write what endpoints have captured, so that it is saved with the rest, and begin no more trials."""
    from rehearsal.aws.sagemaker.serving import live
    from rehearsal.aws.sagemaker.tuning import run as tuning

    tuning.rest()
    live.rest()


def after_restore(context: Context) -> None:
    """Bring the endpoints up again and end the jobs that the restart cut off."""
    from moto.sagemaker.models import sagemaker_backends

    from rehearsal.aws.sagemaker import jobs
    from rehearsal.aws.sagemaker.serving import api as endpoints
    from rehearsal.aws.sagemaker.training import api as training
    from rehearsal.aws.sagemaker.tuning import api as tuning

    backend: Any = sagemaker_backends[context.account_id][context.region]
    training.after_restore(backend)
    tuning.after_restore(backend)
    jobs.after_restore(backend.processing_jobs)
    jobs.after_restore(backend.transform_jobs)
    endpoints.after_restore(context, backend)


def stop(context: Context) -> None:
    """End every job and every model server."""
    stop_all()


def stop_all() -> None:
    """End every job and every model server."""
    from rehearsal.aws.sagemaker import jobs
    from rehearsal.aws.sagemaker.autoscaling import loop
    from rehearsal.aws.sagemaker.serving import live
    from rehearsal.aws.sagemaker.training import run
    from rehearsal.aws.sagemaker.tuning import run as tuning

    loop.stop()
    tuning.ask_all()
    run.stop_all()
    jobs.stop_all()
    live.stop_all()
