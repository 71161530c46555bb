"""``states:::sagemaker:create...Job.sync``: start a job, wait for its end, fail with its failure, stop it when stopped.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html

Importing this module loads the interpreter: :func:`rehearsal.aws.workflows.load` does it after its first changes.
"""

from __future__ import annotations

import contextlib
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_task import state_task_factory
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_unsupported import (
    StateTaskServiceUnsupported,
)
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.utils.boto_client import boto_client_for

if TYPE_CHECKING:
    from collections.abc import Callable


class _Job(NamedTuple):
    """How one kind of job is watched: its describe and stop operations, its name and status fields."""

    describe: str
    stop: str
    name: str
    status: str


_JOBS = {
    "createtrainingjob": _Job("describe_training_job", "stop_training_job", "TrainingJobName", "TrainingJobStatus"),
    "createprocessingjob": _Job(
        "describe_processing_job", "stop_processing_job", "ProcessingJobName", "ProcessingJobStatus"
    ),
    "createtransformjob": _Job(
        "describe_transform_job", "stop_transform_job", "TransformJobName", "TransformJobStatus"
    ),
    "createhyperparametertuningjob": _Job(
        "describe_hyper_parameter_tuning_job",
        "stop_hyper_parameter_tuning_job",
        "HyperParameterTuningJobName",
        "HyperParameterTuningJobStatus",
    ),
}
_OWN_NAMES = {"ResourceLimitExceeded": "ResourceLimitExceededException", "ThrottlingException": "ThrottlingException"}


def install() -> None:
    """Give the interpreter a SageMaker integration."""
    task_for = state_task_factory.state_task_service_for

    def with_sagemaker(service_name: str) -> Any:
        return SageMakerTask() if service_name == "sagemaker" else task_for(service_name)

    state_task_factory.state_task_service_for = with_sagemaker


class SageMakerTask(StateTaskServiceUnsupported):
    """A task that calls SageMaker; with ``.sync`` it follows the job to its end."""

    def __init__(self) -> None:
        super().__init__()
        self._supported_integration_patterns = {ResourceCondition.WaitForTaskToken, ResourceCondition.Sync}
        self._stop: Callable[[], None] = lambda: None

    def _log_unsupported_warning(self) -> None:
        """moto warns of integrations that it only forwards; this one is complete."""

    def _build_sync_resolver(
        self, env: Any, resource_runtime_part: Any, normalised_parameters: dict[str, Any], state_credentials: Any
    ) -> Callable[[], Any]:
        env.stack.pop()
        job = _JOBS[self.resource.api_action.lower()]
        client = boto_client_for(resource_runtime_part.region, "sagemaker", state_credentials)
        which = {job.name: normalised_parameters[job.name]}

        def stop() -> None:
            with contextlib.suppress(ClientError):  # already at its end
                getattr(client, job.stop)(**which)

        def look() -> dict[str, Any] | None:
            answer = getattr(client, job.describe)(**which)
            answer.pop("ResponseMetadata", None)
            if answer[job.status] in ("Failed", "Stopped"):
                raise FailureEventException(self._failed(env, json.dumps(_plain(answer))))
            return _plain(answer) if answer[job.status] == "Completed" else None

        self._stop = stop
        return look

    def _eval_sync(self, env: Any, *args: Any, **kwargs: Any) -> Any:
        outcome = super()._eval_sync(env, *args, **kwargs)
        if not isinstance(outcome, dict):  # timed out, or the execution was stopped
            self._stop()
        return outcome

    def _failed(self, env: Any, cause: str) -> Any:
        name = StatesErrorNameType.StatesTaskFailed
        return self._event(env, StatesErrorName(typ=name), name.to_name(), cause)

    def _event(self, env: Any, name: Any, error: str, cause: str) -> Any:
        details = TaskFailedEventDetails(
            resource=self._get_sfn_resource(), resourceType=self._get_sfn_resource_type(), error=error, cause=cause
        )
        return FailureEvent(
            env=env,
            error_name=name,
            event_type=HistoryEventType.TaskFailed,
            event_details=EventDetails(taskFailedEventDetails=details),
        )

    def _from_error(self, env: Any, ex: Exception) -> Any:
        if not isinstance(ex, ClientError):
            return super()._from_error(env, ex)
        code, message = ex.response["Error"]["Code"], ex.response["Error"]["Message"]
        error = f"SageMaker.{_OWN_NAMES.get(code, 'AmazonSageMakerException')}"
        answer = ex.response.get("ResponseMetadata", {})
        cause = (
            f"{message} (Service: AmazonSageMaker; Status Code: {answer.get('HTTPStatusCode')}; "
            f"Error Code: {code}; Request ID: {answer.get('RequestId')}; Proxy: null)"
        )
        return self._event(env, CustomErrorName(error_name=error), error, cause)


def _plain(value: Any) -> Any:
    """Return a description as Step Functions shows it: times are milliseconds since 1970."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, datetime):
        return int(value.timestamp() * 1000)
    return value
