"""What a Distributed Map run does with its children's outcomes: tolerate so many failures, write result files.

Formats: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
"""

from __future__ import annotations

import json
import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rehearsal.aws.iam.decide import AccessDeniedError
from rehearsal.aws.workflows import clients, permissions

_WORKERS = 40
"""Most children that run at once: more threads would only wait for the machine's two cores."""


@dataclass
class Outcome:
    """One child execution. ``item`` is its input: what ItemSelector made of the listed item."""

    index: int
    name: str
    item: Any
    started: datetime
    stopped: datetime
    status: str
    output: Any = None
    error: str | None = None
    cause: str | None = None


@dataclass
class Outcomes:
    """All children of one map run so far."""

    done: list[Outcome] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, outcome: Outcome) -> None:
        """Remember one."""
        with self.lock:
            self.done.append(outcome)

    def failed(self) -> int:
        """Count the children that did not succeed."""
        with self.lock:
            return sum(outcome.status != "SUCCEEDED" for outcome in self.done)


_by_run: dict[str, Outcomes] = {}


def install() -> None:
    """Change the interpreter's Distributed Map."""
    _record_outcomes()
    _bound_workers_and_failures()
    _write_results()


def _outcomes(record: Any) -> Outcomes:
    return _by_run.setdefault(record.map_run_arn, Outcomes())


def _record_outcomes() -> None:
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor import (
        distributed_item_processor_worker as module,
    )
    from moto.stepfunctions.parser.asl.eval.program_state import ProgramError, ProgramStopped, ProgramTimedOut

    worker = module.DistributedItemProcessorWorker
    eval_job, eval_input = worker._eval_job, worker._eval_input

    def selecting(self: Any, env_frame: Any) -> None:
        eval_input(self, env_frame=env_frame)
        self.selected = env_frame.states.get_input()  # a worker runs one child at a time

    def recorded(self: Any, env: Any, job: Any) -> None:
        started = datetime.now(UTC)
        before = self._map_run_record.item_counter.succeeded.get()
        self.selected = job.job_input
        eval_job(self, env, job)
        end = env.program_state()
        outcome = Outcome(
            index=job.job_index,
            name=str(uuid.uuid4()),
            item=self.selected,
            started=started,
            stopped=datetime.now(UTC),
            status="SUCCEEDED",
            output=job.job_output,
        )
        if isinstance(end, ProgramError):
            details = end.error or {}
            outcome.status, outcome.error, outcome.cause = "FAILED", details.get("error"), details.get("cause")
        elif isinstance(end, ProgramStopped):
            outcome.status = "ABORTED"
        elif isinstance(end, ProgramTimedOut):
            outcome.status, outcome.error = "TIMED_OUT", "States.Timeout"
        elif job.job_output is None and self._map_run_record.item_counter.succeeded.get() == before:
            outcome.status, outcome.error = "FAILED", "States.Runtime"
        _outcomes(self._map_run_record).add(outcome)

    worker._eval_input = selecting
    worker._eval_job = recorded


def _bound_workers_and_failures() -> None:
    from moto.stepfunctions.parser.api import HistoryEventType, MapRunFailedEventDetails
    from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
        FailureEvent,
        FailureEventException,
    )
    from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
    from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import distributed_iteration_component
    from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

    def _failed(env: Any, error: StatesErrorNameType, cause: str) -> FailureEventException:
        details = MapRunFailedEventDetails(error=error.to_name(), cause=cause)
        return FailureEventException(
            FailureEvent(
                env=env,
                error_name=StatesErrorName(typ=error),
                event_type=HistoryEventType.MapRunFailed,
                event_details=EventDetails(mapRunFailedEventDetails=details),
            )
        )

    def _demand_children(env: Any, record: Any) -> None:
        machine = str(record.map_state_machine_arn).split("/", 1)[0]
        try:
            permissions.demand_children(clients.role_of(machine), machine, record.map_run_arn)
        except AccessDeniedError as error:
            raise _failed(env, StatesErrorNameType.StatesPermissions, str(error)) from error

    component = distributed_iteration_component.DistributedIterationComponent
    map_run = component._map_run

    def bounded(self: Any, env: Any, eval_input: Any) -> None:
        record = eval_input.map_run_record
        _demand_children(env, record)
        items = env.stack[-1]
        asked, wanted = record.max_concurrency, len(items)
        record.max_concurrency = max(1, min(asked or wanted, wanted, _WORKERS))
        try:
            map_run(self, env, eval_input)
        finally:
            record.max_concurrency = asked
        failed = _outcomes(record).failed()
        share = 100.0 * failed / wanted if wanted else 0.0
        if failed > (record.tolerated_failure_count or 0) and share > (record.tolerated_failure_percentage or 0.0):
            cause = "The specified tolerated failure threshold was exceeded"
            raise _failed(env, StatesErrorNameType.StatesExceedToleratedFailureThreshold, cause)

    component._map_run = bounded


def _write_results() -> None:
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.result_writer.resource_eval import (
        resource_eval_s3,
    )

    writer = resource_eval_s3.ResourceEvalS3

    def put_object(env: Any, resource_runtime_part: Any, state_credentials: Any) -> None:
        parameters = env.stack.pop()
        env.stack.pop()
        record = env.map_run_record_pool_manager.get_all()[-1]
        client = writer._get_s3_client(resource_runtime_part, state_credentials)
        prefix = parameters.get("Prefix") or ""
        if prefix and not prefix.endswith("/"):
            prefix += "/"
        folder = f"{prefix}{record.map_run_arn.rsplit(':', 1)[1]}"
        files: dict[str, list[dict[str, Any]]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
        outcomes = sorted(_outcomes(record).done, key=lambda outcome: outcome.index)
        for group in ("FAILED", "SUCCEEDED"):
            entries = [
                _entry(outcome, record)
                for outcome in outcomes
                if (outcome.status == "SUCCEEDED") == (group == "SUCCEEDED")
            ]
            if entries:
                body = json.dumps(entries).encode()
                key = f"{folder}/{group}_0.json"
                client.put_object(Bucket=parameters["Bucket"], Key=key, Body=body)
                files[group].append({"Key": key, "Size": len(body)})
        manifest = {
            "DestinationBucket": parameters["Bucket"],
            "MapRunArn": record.map_run_arn,
            "ResultFiles": files,
        }
        key = f"{folder}/manifest.json"
        client.put_object(Bucket=parameters["Bucket"], Key=key, Body=json.dumps(manifest).encode())
        details = {"Bucket": parameters["Bucket"], "Key": key}
        env.stack.append({"MapRunArn": record.map_run_arn, "ResultWriterDetails": details})
        _by_run.pop(record.map_run_arn, None)

    writer._handle_put_object = staticmethod(put_object)


def _entry(outcome: Outcome, record: Any) -> dict[str, Any]:
    machine = record.map_state_machine_arn
    entry: dict[str, Any] = {
        "ExecutionArn": f"{machine.replace(':stateMachine:', ':execution:')}:{outcome.name}",
        "Input": json.dumps(outcome.item),
        "InputDetails": {"Included": True},
        "Name": outcome.name,
        "RedriveCount": 0,
        "RedriveStatus": "NOT_REDRIVABLE",
        "StartDate": _time(outcome.started),
        "StateMachineArn": machine,
        "Status": outcome.status,
        "StopDate": _time(outcome.stopped),
    }
    if outcome.status == "SUCCEEDED":
        entry |= {"Output": json.dumps(outcome.output), "OutputDetails": {"Included": True}}
    if outcome.error is not None:
        entry["Error"] = outcome.error
    if outcome.cause is not None:
        entry["Cause"] = outcome.cause
    return entry


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
