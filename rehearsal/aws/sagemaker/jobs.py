"""What processing and transform jobs have in common: their record, their life in a thread, their operations."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from moto.sagemaker.utils import arn_formatter

from rehearsal.aws.iam.decide import AccessDeniedError
from rehearsal.aws.sagemaker import listing
from rehearsal.aws.sagemaker.clock import now
from rehearsal.aws.sagemaker.errors import (
    AWSValidationException,
    FailedError,
    ResourceInUseException,
    ResourceNotFound,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rehearsal.aws.context import Context

log = logging.getLogger(__name__)

_REASON_CHARACTERS = 1024


class Kind(NamedTuple):
    """A kind of job.

    Parameters
    ----------
    noun
        ``Processing`` or ``Transform``: what names its members in requests and answers.
    place
        Its folder below the root, and the beginning of its resource's name in an ARN (with ``-job``).
    order, size
        How its List operation sorts and how much it answers where the request does not say.
    """

    noun: str
    place: str
    order: str = "Ascending"
    size: int = 100


@dataclass
class Job:
    """One job. ``request`` is the Create operation's input without its tags."""

    kind: Kind
    name: str
    arn: str
    request: dict[str, Any]
    role_arn: str
    tags: list[dict[str, str]]
    creation_time: datetime = field(default_factory=now)
    last_modified_time: datetime = field(default_factory=now)
    start_time: datetime | None = None
    end_time: datetime | None = None
    status: str = "InProgress"
    failure_reason: str | None = None
    exit_message: str | None = None

    @property
    def ended(self) -> bool:
        """Whether the job has come to its end."""
        return self.status in {"Completed", "Failed", "Stopped"}

    def begin(self) -> None:
        """Note that its instances have started."""
        self.start_time = self.last_modified_time = now()

    def enter(self, status: str) -> None:
        """Go to a status."""
        self.status, self.last_modified_time = status, now()
        if self.ended:
            self.end_time = self.last_modified_time

    def fail(self, reason: str) -> None:
        """End as Failed; AWS keeps 1,024 characters of the reason."""
        self.failure_reason = reason[:_REASON_CHARACTERS]
        self.enter("Failed")

    @property
    def response_object(self) -> dict[str, Any]:
        """The Describe operation's answer."""
        noun = self.kind.noun
        answer = {
            **self.request,
            **self.summary(),
            f"{noun}StartTime": self.start_time,
            "ExitMessage": self.exit_message,
        }
        return {name: value for name, value in answer.items() if value is not None}

    def gen_response_object(self) -> dict[str, Any]:
        """The same, under the name by which moto's Search asks."""
        return {**self.response_object, "Tags": self.tags}

    def summary(self) -> dict[str, Any]:
        """One line of the List operation."""
        noun = self.kind.noun
        answer = {
            f"{noun}JobName": self.name,
            f"{noun}JobArn": self.arn,
            f"{noun}JobStatus": self.status,
            "CreationTime": self.creation_time,
            "LastModifiedTime": self.last_modified_time,
            f"{noun}EndTime": self.end_time,
            "FailureReason": self.failure_reason,
        }
        return {name: value for name, value in answer.items() if value is not None}


@dataclass
class Run:
    """A job that is on its way."""

    context: Context
    job: Job
    stopped: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None


_runs: dict[str, Run] = {}
"""By ARN."""


def arn(context: Context, kind: Kind, name: str) -> str:
    """Return the ARN of a job."""
    return arn_formatter(f"{kind.place}-job", name, context.account_id, context.region)


def start(context: Context, job: Job, work: Callable[[Run], None]) -> None:
    """Let ``work`` run in the background; a job that it has not ended by then has failed."""
    run = Run(context, job)
    run.thread = threading.Thread(target=_live, args=(run, work), name=f"{job.kind.place} {job.name}", daemon=True)
    _runs[job.arn] = run
    run.thread.start()


def stop_all(timeout: float = 5.0) -> None:
    """Ask every job to end and wait a moment for them."""
    running = list(_runs.values())
    for run in running:
        run.stopped.set()
    deadline = time.monotonic() + timeout
    for run in running:
        if run.thread is not None:
            run.thread.join(max(0.0, deadline - time.monotonic()))


def require_new(known: dict[str, Job], kind: Kind, request: dict[str, Any], arn: str) -> None:
    """Refuse a name that is taken.

    Raises
    ------
    ResourceInUseException
        As the Create operations answer.
    """
    if request[f"{kind.noun}JobName"] in known:
        raise ResourceInUseException(
            message=f"{kind.noun} job names must be unique within an AWS account and region, and a {kind.place} job "
            f"with this name already exists ({arn})"
        )


def find(known: dict[str, Job], kind: Kind, request: dict[str, Any]) -> Job:
    """Return the job that a request names.

    Raises
    ------
    ResourceNotFound
        When there is none.
    """
    name = request[f"{kind.noun}JobName"]
    if name not in known:
        raise ResourceNotFound(message=f"Could not find requested job with name: {name}")
    return known[name]


def stop(known: dict[str, Job], kind: Kind, request: dict[str, Any]) -> None:
    """Answer the Stop operation; the job goes on to Stopped in the background.

    Raises
    ------
    ResourceNotFound, AWSValidationException
        For an unknown job, and for one that has ended.
    """
    job = find(known, kind, request)
    if job.ended:
        raise AWSValidationException(
            f"The request was rejected because the {kind.place} job is in status {job.status}."
        )
    if job.status != "Stopping":
        job.enter("Stopping")
        run = _runs.get(job.arn)
        if run is not None:
            run.stopped.set()


def list_all(known: dict[str, Job], kind: Kind, request: dict[str, Any]) -> dict[str, Any]:
    """Answer the List operation."""
    status = request.get("StatusEquals")
    chosen = [job for job in known.values() if status in (None, job.status)]
    page, token = listing.page(
        chosen,
        request,
        name=lambda job: job.name,
        status=lambda job: job.status,
        order=kind.order,
        size=kind.size,
    )
    answer: dict[str, Any] = {f"{kind.noun}JobSummaries": [job.summary() for job in page]}
    return {**answer, "NextToken": token} if token else answer


def after_restore(known: dict[str, Job]) -> None:
    """End the jobs that the restart of the server cut off."""
    for job in known.values():
        if not job.ended:
            job.fail("InternalServerError: the embedded AWS was restarted while the job ran; start it again.")


def _live(run: Run, work: Callable[[Run], None]) -> None:
    job = run.job
    try:
        work(run)
    except FailedError as error:
        if run.stopped.is_set():  # what was being started or asked has been given up
            job.enter("Stopped")
        else:
            job.fail(str(error))
    except AccessDeniedError as error:
        job.fail(f"ClientError: {error}")
    except Exception as error:
        log.exception("%s job %s", job.kind.place, job.name)
        job.fail(f"InternalServerError: the embedded AWS could not run the job: {error!r}")
    finally:
        _runs.pop(job.arn, None)
        if job.status != "Failed":  # the folder of a failed job shows what went wrong
            shutil.rmtree(run.context.folder(job.kind.place, job.name), ignore_errors=True)
