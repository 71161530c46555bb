"""The life of one training job, in a thread: stage, run, upload, and say how it ended."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rehearsal.aws.iam.decide import AccessDeniedError
from rehearsal.aws.sagemaker import duties, images, s3, settings
from rehearsal.aws.sagemaker.clock import now
from rehearsal.aws.sagemaker.errors import FailedError
from rehearsal.aws.sagemaker.training import artifacts
from rehearsal.aws.sagemaker.training.attempt import Attempt, waited_too_long

if TYPE_CHECKING:
    from rehearsal.aws.context import Context
    from rehearsal.aws.sagemaker.training.job import TrainingJob

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.05

_runs: dict[str, Run] = {}


@dataclass
class Run:
    """A job that is on its way."""

    context: Context
    job: TrainingJob
    stopped: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None


def start(context: Context, job: TrainingJob) -> None:
    """Let the job run in the background."""
    run = Run(context, job)
    run.thread = threading.Thread(target=_live, args=(run,), name=f"training {job.training_job_name}", daemon=True)
    _runs[job.training_job_name] = run
    run.thread.start()


def stop(name: str) -> None:
    """Ask a job to end; its status is the caller's to set before."""
    run = _runs.get(name)
    if run is not None:
        run.stopped.set()


def stop_all(timeout: float = 5.0) -> None:
    """Ask every job to end and wait a moment for them."""
    running = list(_runs.values())
    for run in running:
        run.stopped.set()
    deadline = time.monotonic() + timeout
    for run in running:
        if run.thread is not None:
            run.thread.join(max(0.0, deadline - time.monotonic()))


def _live(run: Run) -> None:
    job = run.job
    try:
        _run(run)
    except FailedError as error:
        job.fail(str(error))
    except AccessDeniedError as error:
        job.fail(f"ClientError: {error}")
    except Exception as error:
        log.exception("training job %s", job.training_job_name)
        job.fail(f"InternalServerError: the embedded AWS could not run the job: {error!r}")
    finally:
        _runs.pop(job.training_job_name, None)
        if job.training_job_status != "Failed":  # the folder of a failed job shows what went wrong
            shutil.rmtree(run.context.folder("training", job.training_job_name), ignore_errors=True)


def _run(run: Run) -> None:
    job = run.job
    images.resolve(job.request["AlgorithmSpecification"].get("TrainingImage", ""), "training")
    if len(job.hosts) > settings.MAX_TRAINING_HOSTS:
        raise FailedError(
            f"CapacityError: Unable to provision {len(job.hosts)} hosts: the embedded AWS runs at most "
            f"{settings.MAX_TRAINING_HOSTS} per job"
        )
    duties.demand_training(run.context, job)
    client = s3.client(run.context, duties.of_job(job))
    job.training_start_time = now()
    trained = 0.0
    while True:
        attempt = Attempt(run, client, trained)
        job.enter("Downloading")
        attempt.stage()
        if run.stopped.is_set():
            job.enter("Stopped")
            return
        job.enter("Training")
        begun = time.monotonic()
        over = attempt.train()
        trained += time.monotonic() - begun
        if over != "Interrupted":
            break
        job.enter("Interrupted")
        given_up = _wait_for_capacity(run)
        if given_up:
            job.enter(given_up)
            return
        job.enter("Starting")
    if over is None:
        job.enter("Uploading")
    artifacts.upload(job, list(attempt.layouts.values()), client, even_empty=over is None)
    job.enter(over or "Completed")


def _wait_for_capacity(run: Run) -> str | None:
    """Wait for new spot instances; return the secondary status of a job that is given up meanwhile."""
    deadline = time.monotonic() + run.context.scaled(settings.SPOT_WAIT_SECONDS)
    while time.monotonic() < deadline:
        if run.stopped.wait(_LOOK_SECONDS):
            return "Stopped"
        if waited_too_long(run.job):
            return "MaxWaitTimeExceeded"
    return None
