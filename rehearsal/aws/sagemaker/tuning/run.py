"""The life of one tuning job, in a thread: begin trials, watch what they show, end some early, and say how it ended."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rehearsal.aws.sagemaker.clock import now
from rehearsal.aws.sagemaker.training import api as training
from rehearsal.aws.sagemaker.tuning import propose, stopping, trials
from rehearsal.aws.sagemaker.tuning import request as rules
from rehearsal.aws.sagemaker.tuning.job import Trial, objective_status

if TYPE_CHECKING:
    from rehearsal.aws.context import Context
    from rehearsal.aws.sagemaker.backend import SageMakerBackend
    from rehearsal.aws.sagemaker.tuning.job import TuningJob

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.1
_HOPELESS = 5  # SageMaker gives up after so many failures without a success

_runs: dict[str, Run] = {}
_resting = threading.Event()


@dataclass
class Run:
    """A tuning job that is on its way."""

    context: Context
    backend: SageMakerBackend
    job: TuningJob
    stopped: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    judged: dict[str, int] = field(default_factory=dict)
    """By trial: how many of its values have been looked at."""


def start(context: Context, backend: SageMakerBackend, job: TuningJob) -> None:
    """Let the tuning job run in the background."""
    run = Run(context, backend, job)
    run.thread = threading.Thread(target=_live, args=(run,), name=f"tuning {job.name}", daemon=True)
    _runs[job.name] = run
    run.thread.start()


def stop(name: str) -> None:
    """Ask a tuning job to end; its status is the caller's to set before."""
    run = _runs.get(name)
    if run is not None:
        run.stopped.set()


def rest() -> None:
    """Begin no trial and end no tuning job any more, so that what is saved does not change meanwhile."""
    _resting.set()


def ask_all() -> None:
    """Ask every tuning job to end, so that none begins another trial."""
    for run in list(_runs.values()):
        run.stopped.set()


def _live(run: Run) -> None:
    try:
        _run(run)
    except Exception as error:
        log.exception("tuning job %s", run.job.name)
        _stop_trials(run)
        run.job.enter("Failed", f"InternalServerError: the embedded AWS could not run the tuning job: {error!r}")
    finally:
        _runs.pop(run.job.name, None)


def _run(run: Run) -> None:
    job, most = run.job, rules.count(run.job.request)
    while not run.stopped.is_set():
        if _resting.is_set():
            return
        _judge(run)
        if _met(run):
            _stop_trials(run)
            break
        going = [trial for trial in job.trials if not trial.job.ended]
        if most is not None and len(job.trials) >= most:
            if not going:
                break
        elif len(going) < job.limits["MaxParallelTrainingJobs"]:
            _begin(run)
            continue
        run.stopped.wait(_LOOK_SECONDS)
    if run.stopped.is_set():
        _stop_trials(run)
    _end(run)


def _begin(run: Run) -> None:
    job, number = run.job, len(run.job.trials) + 1
    values = _propose(job, number)
    spared = 0
    if job.config["Strategy"] == "Hyperband":
        spared = stopping.bracket(job.seed, number, *rules.resources(job.request))
    request = trials.request(job.request, trials.name(job.name, number), values)
    made = training.begin(run.context, run.backend, request, [dict(tag) for tag in job.tags], tuning=job.arn)
    job.trials.append(Trial(made, values, spared))


def _propose(job: TuningJob, number: int) -> dict[str, str]:
    strategy = job.config["Strategy"]
    if strategy == "Grid":
        return propose.grid(job.space)[number - 1]
    if strategy == "Bayesian":
        tried = [
            propose.Tried(trial.values, job.scores(trial)[-1] if trial.job.ended else None)
            for trial in job.trials
            if objective_status(trial) != "Failed"
        ]
        return propose.bayesian(job.space, tried, job.seed, number)
    return propose.drawn(job.space, job.seed, number)


def _judge(run: Run) -> None:
    """End the trials whose new values say that they will not do well."""
    for trial in run.job.trials:
        name, shown = trial.job.training_job_name, len(trial.job.objective_values)
        for epoch in range(run.judged.get(name, 0) + 1, shown + 1):
            run.judged[name] = epoch
            if trial.job.training_job_status == "InProgress" and _hopeless(run.job, trial, epoch):
                training.end_early(trial.job)


def _hopeless(job: TuningJob, trial: Trial, epoch: int) -> bool:
    scores = job.scores(trial)[:epoch]
    others = [other for other in job.trials if other is not trial]
    if job.config.get("TrainingJobEarlyStoppingType") == "Auto":
        done = [job.scores(other) for other in others if other.job.training_job_status == "Completed"]
        return stopping.worse_than_median(scores, done)
    if job.config["Strategy"] == "Hyperband":
        low, high = rules.resources(job.request)
        rivals = [job.scores(other) for other in others if other.spared == trial.spared]
        # One that has just shown its last value is left to write its model.
        return epoch > high or stopping.falls_behind(scores, rivals, stopping.rungs(trial.spared, low, high))
    return False


def _met(run: Run) -> bool:
    """Whether a criterion other than the number of trials ends the tuning job, or nothing can come of it."""
    job = run.job
    criteria, best = job.config.get("TuningJobCompletionCriteria") or {}, job.best()
    ended = [trial for trial in job.trials if trial.job.ended]
    if best is None and len(ended) >= _HOPELESS:
        return True
    target = criteria.get("TargetObjectiveMetricValue")
    if target is not None and best is not None:
        sign = -1.0 if job.objective["Type"] == "Maximize" else 1.0
        if job.scores(best)[-1] <= sign * target:
            return True
    patience = (criteria.get("BestObjectiveNotImproving") or {}).get("MaxNumberOfTrainingJobsNotImproving")
    if patience is not None and best is not None and job.not_improving() >= patience:
        return True
    seconds = job.limits.get("MaxRuntimeInSeconds")
    return seconds is not None and (now() - job.creation_time).total_seconds() > seconds


def _stop_trials(run: Run) -> None:
    """Stop what runs and wait for it: a tuning job ends after its trials."""
    for trial in run.job.trials:
        training.end_early(trial.job)
    while any(not trial.job.ended for trial in run.job.trials):
        time.sleep(_LOOK_SECONDS)


def _end(run: Run) -> None:
    job = run.job
    if run.stopped.is_set():
        job.enter("Stopped")
    elif job.best() is not None:
        job.enter("Completed")
    elif len(job.trials) >= _HOPELESS:
        job.enter(
            "Failed",
            f"No training job succeeded after {_HOPELESS} attempts. For additional details, please take a look at the "
            f"training job failures by listing training jobs for the hyperparameter tuning job.",
        )
    else:
        job.enter(
            "Failed",
            "All training jobs failed. Please take a look at the training jobs failures to get more details.",
        )
