"""``aws-sdk`` integrations: which client they use, what it is given, and the error names that machines catch."""

from __future__ import annotations

from typing import Any

_NAMES = {
    "applicationautoscaling": "ApplicationAutoScaling",
    "cloudwatch": "CloudWatch",
    "cloudwatchlogs": "CloudWatchLogs",
    "eventbridge": "EventBridge",
    "kms": "Kms",
    "lambda": "Lambda",
    "s3": "S3",
    "sagemaker": "SageMaker",
    "sagemakerruntime": "SageMakerRuntime",
    "sns": "Sns",
    "sqs": "Sqs",
    "ssm": "Ssm",
    "sts": "Sts",
}
_CLIENTS = {
    "applicationautoscaling": "application-autoscaling",
    "cloudwatchlogs": "logs",
    "eventbridge": "events",
    "sagemakerruntime": "sagemaker-runtime",
}


def install() -> None:
    """Name errors and clients of the services that this project's state machines call."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
        state_task_service_aws_sdk as sdk,
    )

    sdk._SERVICE_ERROR_NAMES.update(_NAMES)
    task = sdk.StateTaskServiceAwsSdk
    service_name = task._get_boto_service_name
    exception_name = task._normalise_exception_name

    def boto_service(self: Any, boto_service_name: str | None = None) -> str:
        name = service_name(self, boto_service_name)
        return _CLIENTS.get(name.lower(), name.lower())

    def normalise(self: Any, parameters: dict[str, Any], *_: Any, **__: Any) -> None:
        """Turn objects into the text or bytes that the operation takes, as S3's Body."""
        client = sdk.boto_client_for(service=self._get_boto_service_name(), region="us-east-1")
        operation = client.meta.method_to_api_mapping.get(self._get_boto_service_action())
        shape = operation and client.meta.service_model.operation_model(operation).input_shape
        if shape is not None:
            self._to_boto_request(parameters, shape)

    def error_name(norm_service_name: str, error: Exception) -> str:
        code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
        if type(error).__name__ == "ClientError" and code.isidentifier() and code != "ValidationException":
            return f"{norm_service_name}.{code.removesuffix('Exception')}Exception"
        return str(exception_name(norm_service_name, error))

    task._get_boto_service_name = boto_service
    task._normalise_parameters = normalise
    task._normalise_exception_name = staticmethod(error_name)
