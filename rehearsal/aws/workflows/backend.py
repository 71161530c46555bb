"""moto's Step Functions backend with names for unnamed executions, logs, reports and proper stops."""

from __future__ import annotations

import logging
import re
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import moto.stepfunctions.urls as states_urls
from moto.stepfunctions.exceptions import AWSError, InvalidName
from moto.stepfunctions.parser import models
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.api import InvalidDefinition as ParserInvalidDefinition
from moto.stepfunctions.parser.backend import execution as executions
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from rehearsal.aws.context import current
from rehearsal.aws.iam.decide import AccessDeniedError
from rehearsal.aws.workflows import monitoring, permissions

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.aws.context import Context

log = logging.getLogger(__name__)

_parse_definition = models.StepFunctionsParserBackend._validate_definition
_NAME = re.compile(r"^[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}$")


class InvalidDefinitionError(AWSError):
    """A definition that the interpreter does not accept; moto's own error has no code on the wire."""

    TYPE = "InvalidDefinition"
    STATUS = 400


class LocalStepFunctionsBackend(models.StepFunctionsParserBackend):
    """The state machines of one account and region."""

    @property
    def _url_module(self) -> Any:
        return states_urls

    def create_state_machine(self, name: str, definition: str, roleArn: str, **settings: Any) -> Any:  # noqa: N803
        """Make a state machine, unless its role cannot do what it needs: AWS refuses it then."""
        known = {machine.arn for machine in self.state_machines}
        machine = super().create_state_machine(name, definition, roleArn, **settings)
        if machine.arn not in known:
            self._demand(machine, changed=False, undo=lambda: self.state_machines.remove(machine))
        return machine

    def update_state_machine(self, arn: str, *args: Any, **settings: Any) -> Any:
        """Change a state machine, unless its role cannot do what it needs then."""
        machine = self.describe_state_machine(arn)
        before = dict(vars(machine))
        changed = super().update_state_machine(arn, *args, **settings)
        self._demand(changed, changed=True, undo=lambda: vars(machine).update(before))
        return changed

    def delete_state_machine(self, arn: str) -> None:
        """Forget a state machine and the delivery of its logs."""
        machine = next((found for found in self.state_machines if found.arn == arn), None)
        super().delete_state_machine(arn)
        if machine is not None:
            permissions.removed(machine)

    def _demand(self, machine: Any, *, changed: bool, undo: Callable[[], Any]) -> None:
        try:
            permissions.demand_creation(current(), machine, changed=changed)
        except permissions.RoleDeniedError:
            undo()
            raise

    def start_execution(
        self,
        state_machine_arn: str,
        name: str | None = None,
        execution_input: str | None = None,
        trace_header: str | None = None,
    ) -> Any:
        """Start an execution; without a name it gets a unique one, as on AWS.

        Raises
        ------
        InvalidName
            For a name with characters that AWS refuses.
        """
        if name is not None and not _NAME.match(name):
            raise InvalidName(f"Invalid Name: '{name}'")
        return super().start_execution(state_machine_arn, name or str(uuid.uuid4()), execution_input, trace_header)

    def stop_execution(self, execution_arn: str, error: str | None = None, cause: str | None = None) -> Any:
        """Stop an execution and say why; tasks that wait for a job stop the job."""
        execution = self.describe_execution(execution_arn)
        if execution.exec_status == ExecutionStatus.RUNNING:
            execution.error, execution.cause = error, cause
            execution.stop(stop_date=datetime.now(UTC), error=error, cause=cause)
        if execution.stop_date is None:
            execution.stop_date = datetime.now(UTC)
        return execution


def install(context: Context) -> None:
    """Put our backend in the place of moto's."""
    start = executions.Execution.start

    def reported(self: Any) -> None:
        self._cloud_watch_logging_session = monitoring.logging_session(
            context, self.exec_arn, self.state_machine.loggingConfiguration
        )
        self.exec_status = ExecutionStatus.RUNNING
        monitoring.started(context, self)
        start(self)

    logic = ExecutionWorker._execution_logic

    def guarded(self: Any) -> None:
        try:
            permissions.demand_execution(context, self._execution_communication.execution.state_machine)
            logic(self)
        except AccessDeniedError as error:
            _fail(self._execution_communication, "States.Permissions", str(error))
        except Exception as error:
            log.exception("an execution crashed the interpreter")
            _fail(self._execution_communication, "States.Runtime", f"the embedded AWS failed: {error!r}")

    ExecutionWorker._execution_logic = guarded
    models.StepFunctionsParserBackend._validate_definition = staticmethod(_validate)
    executions.Execution.start = reported
    models.stepfunctions_parser_backends.backend = LocalStepFunctionsBackend


def _fail(communication: Any, error: str, cause: str) -> None:
    execution = communication.execution
    execution.exec_status, execution.stop_date = ExecutionStatus.FAILED, datetime.now(UTC)
    execution.error, execution.cause = error, cause


def _validate(definition: str) -> None:
    try:
        _parse_definition(definition)
    except ParserInvalidDefinition as error:
        raise InvalidDefinitionError(f"Invalid State Machine Definition: {error.message}") from error


def abort_interrupted() -> None:
    """Mark executions that a restart interrupted."""
    for _, _, backend in models.stepfunctions_parser_backends.iter_backends():
        for machine in backend.state_machines:
            for execution in machine.executions:
                if execution.exec_status == ExecutionStatus.RUNNING:
                    execution.exec_status = ExecutionStatus.ABORTED
                    execution.stop_date = datetime.now(UTC)
                    execution.cause = "The embedded AWS was restarted while this execution ran."
