"""One attempt of a training job: prepare every host, run the program, and say what ended it.

A job has one attempt, unless its spot capacity is taken away: then it begins anew elsewhere, with its checkpoints.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from rehearsal.aws.sagemaker import settings
from rehearsal.aws.sagemaker.clock import now
from rehearsal.aws.sagemaker.errors import FailedError
from rehearsal.aws.sagemaker.training import channels, environment, hosts, interruption, layout, script
from rehearsal.aws.sagemaker.training.checkpoints import Checkpoints
from rehearsal.aws.sagemaker.training.pipes import Feeder, fed

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.aws.sagemaker.training.job import TrainingJob
    from rehearsal.aws.sagemaker.training.layout import Layout
    from rehearsal.aws.sagemaker.training.run import Run

_DEFAULT_RUNTIME_SECONDS = 86_400
_FAILURE_BYTES = 1024


class Attempt:
    """The hosts of one attempt and the pipes that feed them."""

    def __init__(self, run: Run, client: Any, trained_s: float) -> None:
        """Prepare nothing yet; ``trained_s``: how long earlier attempts have trained."""
        self._run, self._job, self._client = run, run.job, client
        self._trained_s = trained_s
        self.layouts: dict[str, Layout] = {}
        self._feeders: list[Feeder] = []

    def stage(self) -> None:
        """Prepare every host's /opt/ml: configuration, channels, code. Ends early when the job is stopped.

        Raises
        ------
        FailedError
            When something cannot be had.
        """
        job = self._job
        folder = self._run.context.folder("training", job.training_job_name)
        for index, name in enumerate(job.hosts):
            place = self.layouts[name] = layout.prepare(folder / name, job, name)
            for channel in job.request.get("InputDataConfig") or []:
                if self._run.stopped.is_set():
                    return
                if channels.mode(job.request, channel) == "Pipe":
                    self._feeders.append(Feeder(self._client, channel, place.data, host=index, hosts=len(job.hosts)))
                else:
                    into = place.data / channel["ChannelName"]
                    channels.stage(self._client, channel, into, host=index, hosts=len(job.hosts))
            script.fetch(job, place, self._client, environment.hyperparameters(job, place))

    def train(self) -> str | None:
        """Run the program. Return None when it succeeded, else the secondary status that ended it early.

        Raises
        ------
        FailedError
            When the program failed by itself.
        """
        job, run = self._job, self._run
        kept = [Checkpoints(job, place, self._client) for place in self.layouts.values()]
        for checkpoints in kept:
            checkpoints.download()
        ended: list[str] = []
        with fed(self._feeders):
            started = hosts.launch(run.context, job, self.layouts)
            try:
                with contextlib.ExitStack() as sending:
                    for checkpoints in kept:
                        sending.enter_context(checkpoints.sent_regularly())
                    hosts.wait(started, self._until(ended))
            except BaseException:
                hosts.end(started, 0.0)
                raise
            failed = [host for host in started if host.process.poll()]  # before the others are ended because of it
            cut_off = not failed and any(host.process.poll() is None for host in started)
            codes = hosts.end(started, run.context.scaled(settings.STOP_GRACE_SECONDS) if cut_off else 0.0)
        for checkpoints in kept:
            checkpoints.upload()
        if failed:
            raise FailedError(_reason(failed[0], codes[started.index(failed[0])]))
        return ended[0] if cut_off else None

    def _until(self, ended: list[str]) -> Callable[[], bool]:
        """Return a function that says whether the program has to end, and writes down why."""
        job, begun = self._job, time.monotonic()
        condition = job.request.get("StoppingCondition") or {}
        limit = condition.get("MaxRuntimeInSeconds", _DEFAULT_RUNTIME_SECONDS) - self._trained_s

        def over() -> bool:
            trained = time.monotonic() - begun
            reasons = {
                "Stopped": self._run.stopped.is_set() or any(feeder.failure for feeder in self._feeders),
                "MaxRuntimeExceeded": trained > limit,
                "MaxWaitTimeExceeded": waited_too_long(job),
                "Interrupted": interruption.strikes(job, trained),
            }
            ended[:] = [status for status, true in reasons.items() if true]
            return bool(ended)

        return over


def waited_too_long(job: TrainingJob) -> bool:
    """Whether a spot job has used up the time that it may take in all."""
    most = (job.request.get("StoppingCondition") or {}).get("MaxWaitTimeInSeconds")
    return most is not None and (now() - job.creation_time).total_seconds() > most


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
