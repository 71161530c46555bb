"""The life of one training job, in a thread: stage, run, upload, and say how it ended."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rehearsal.aws.iam.decide import AccessDeniedError
from rehearsal.aws.sagemaker import duties, images, s3, settings
from rehearsal.aws.sagemaker.clock import now
from rehearsal.aws.sagemaker.errors import FailedError
from rehearsal.aws.sagemaker.training import artifacts, channels, environment, hosts, layout, script
from rehearsal.aws.sagemaker.training.checkpoints import Checkpoints

if TYPE_CHECKING:
    from rehearsal.aws.context import Context
    from rehearsal.aws.sagemaker.training.job import TrainingJob
    from rehearsal.aws.sagemaker.training.layout import Layout

log = logging.getLogger(__name__)

_DEFAULT_RUNTIME_SECONDS = 86_400
_FAILURE_BYTES = 1024

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
        if job.training_job_status == "Completed":  # the folder of any other job shows what went wrong
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
    job.enter("Downloading")
    layouts = _stage(run, client)
    if run.stopped.is_set():
        job.enter("Stopped")
        return
    job.enter("Training")
    over = _train(run, layouts, client)
    if over is None:
        job.enter("Uploading")
    artifacts.upload(job, list(layouts.values()), client, even_empty=over is None)
    job.enter(over or "Completed")


def _stage(run: Run, client: Any) -> dict[str, Layout]:
    """Prepare every host's /opt/ml: configuration, channels, checkpoints, code."""
    job, layouts = run.job, {}
    default = job.request["AlgorithmSpecification"].get("TrainingInputMode", "File")
    folder = run.context.folder("training", job.training_job_name)
    for index, name in enumerate(job.hosts):
        place = layouts[name] = layout.prepare(folder / name, job, name)
        for channel in job.request.get("InputDataConfig") or []:
            if run.stopped.is_set():
                return layouts
            mode, into = channel.get("InputMode") or default, place.data / channel["ChannelName"]
            channels.stage(client, channel, mode, into, host=index, hosts=len(job.hosts))
        script.fetch(job, place, client, environment.hyperparameters(job, place))
    return layouts


def _train(run: Run, layouts: dict[str, Layout], client: Any) -> str | None:
    """Run the program. Return None when it succeeded, else the secondary status of a job that was ended early.

    Raises
    ------
    FailedError
        When the program failed by itself.
    """
    job = run.job
    limit = (job.request.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds", _DEFAULT_RUNTIME_SECONDS)
    deadline = time.monotonic() + limit
    checkpoints = Checkpoints(job, next(iter(layouts.values())), client)
    checkpoints.download()
    started = hosts.launch(run.context, job, layouts)
    with checkpoints.sent_regularly():
        hosts.wait(started, lambda: run.stopped.is_set() or time.monotonic() > deadline)
    failed = [host for host in started if host.process.poll()]  # before the others are ended because of it
    cut_off = not failed and any(host.process.poll() is None for host in started)
    codes = hosts.end(started, run.context.scaled(settings.STOP_GRACE_SECONDS) if cut_off else 0.0)
    checkpoints.upload()
    if cut_off:
        return "Stopped" if run.stopped.is_set() else "MaxRuntimeExceeded"
    if failed:
        raise FailedError(_reason(failed[0], codes[started.index(failed[0])]))
    return None


def _reason(host: hosts.Host, code: int) -> str:
    """Say why the program failed: in its own words from ``/opt/ml/output/failure``, or with the end of its output."""
    if host.layout.failure.is_file():
        words = host.layout.failure.read_bytes()[:_FAILURE_BYTES].decode(errors="replace").strip()
        return f"AlgorithmError: {words}, exit code: {code}"
    tail = "\n".join(host.tail)[-600:]
    program = " ".join(["python", *host.command[1:]])
    return (
        f"AlgorithmError: ExecuteUserScriptError:\nExitCode {code}\nErrorMessage {tail!r}\n"
        f'Command "{program}", exit code: {code}'
    )
