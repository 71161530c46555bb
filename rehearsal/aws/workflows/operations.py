"""Step Functions operations that moto lacks."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.stepfunctions.responses import StepFunctionResponse

_PAGE = 100  # what AWS returns when maxResults is 0 or missing


def install() -> None:
    """Add the methods to moto's response class."""
    for method in (
        validate_state_machine_definition,
        list_state_machine_versions,
        publish_state_machine_version,
        delete_state_machine_version,
        stop_execution,
        get_execution_history,
    ):
        setattr(StepFunctionResponse, method.__name__, method)


def validate_state_machine_definition(self: StepFunctionResponse) -> ActionResult:
    """ValidateStateMachineDefinition: Terraform's provider calls it while it plans."""
    from moto.stepfunctions.parser.models import StepFunctionsParserBackend

    try:
        StepFunctionsParserBackend._validate_definition(self._get_param("definition"))
    except Exception as error:
        message = str(getattr(error, "message", "") or error)[:1000]
        found = {"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": message, "location": "/"}
        return ActionResult({"result": "FAIL", "diagnostics": [found], "truncated": False})
    return ActionResult({"result": "OK", "diagnostics": [], "truncated": False})


def list_state_machine_versions(self: StepFunctionResponse) -> ActionResult:
    """ListStateMachineVersions, newest first."""
    machine = _machine(self)
    versions = [
        {"stateMachineVersionArn": version.arn, "creationDate": version.creation_date}
        for _, version in sorted(machine.versions.items(), reverse=True)
    ]
    return ActionResult({"stateMachineVersions": versions})


def publish_state_machine_version(self: StepFunctionResponse) -> ActionResult:
    """PublishStateMachineVersion."""
    machine = _machine(self)
    machine.publish(self._get_param("description"))
    version = machine.latest_version
    return ActionResult({"stateMachineVersionArn": version.arn, "creationDate": version.creation_date})


def delete_state_machine_version(self: StepFunctionResponse) -> EmptyResult:
    """DeleteStateMachineVersion."""
    arn, _, number = self._get_param("stateMachineVersionArn").rpartition(":")
    machine = self.stepfunction_backend.describe_state_machine(arn)
    machine.versions.pop(int(number), None)
    return EmptyResult()


def stop_execution(self: StepFunctionResponse) -> ActionResult:
    """StopExecution, with the error and cause that moto drops."""
    execution = self.stepfunction_backend.stop_execution(
        self._get_param("executionArn"), self._get_param("error"), self._get_param("cause")
    )
    return ActionResult({"stopDate": execution.stop_date})


def get_execution_history(self: StepFunctionResponse) -> ActionResult:
    """GetExecutionHistory in the order and in the pages that are asked for.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html
    """
    from moto.stepfunctions.exceptions import InvalidToken

    found = self.stepfunction_backend.get_execution_history(self._get_param("executionArn"))
    events = list(found["events"])
    if self._get_param("reverseOrder"):
        events.reverse()
    token = self._get_param("nextToken") or "0"
    if not token.isdigit() or int(token) > len(events):
        raise InvalidToken(f"Invalid token: '{token}'")
    begin = int(token)
    end = begin + (int(self._get_param("maxResults") or 0) or _PAGE)
    page: dict[str, Any] = {"events": events[begin:end]}
    return ActionResult({**page, "nextToken": str(end)} if end < len(events) else page)


def _machine(self: StepFunctionResponse) -> Any:
    return self.stepfunction_backend.describe_state_machine(self._get_param("stateMachineArn"))
