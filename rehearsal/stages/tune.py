"""A small search over the main workload's hyperparameters, sent by the operator; its best values are recorded.

What arrived at the embedded AWS is held against the envelope, of the tuning job and of each trial: a request that lost
a part of it on its way would train just as well.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from rehearsal import jobs, wire
from rehearsal.actors import actor
from rehearsal.run import RehearsalError, Run
from rehearsal.stages import Note, Outcome
from rehearsal.stages.train import upload_code
from training.jobs import client, environment, logs, names, plan, tuning
from training.jobs import search as trials_of
from training.workloads.description import Tuning

MOST_TRIALS, AT_ONCE = 3, 2
SEED = 7
DEADLINE_S, STOPPED_S = 900, 120
POLL_S = 1.0


def perform(run: Run, note: Note) -> Outcome:
    workload = run.workloads[-1]
    outputs = run.data("apply")["outputs"]
    code = upload_code(run, workload.name, outputs["models_bucket"], note)
    where = environment.load("rehearsal", workload.name, outputs=jobs.outputs_file(run))
    name = names.tuning_name(where)
    planned = plan.plan(workload, where, code=code)
    request = tuning.request(planned, name, search=_small(workload.training.tuning), seed=SEED)
    operator = actor(run, "operator")
    begin = time.monotonic()
    client.send(operator.client("sagemaker"), tuning.OPERATION, request)
    described, trials = _followed(operator.client("sagemaker"), name, note)
    found = wire.received(run, name)
    _demand_log(operator.client("logs"), described)
    _demand_stop(operator.client("sagemaker"), planned, search=_small(workload.training.tuning))
    best = described["BestTrainingJob"]
    metric = best["FinalHyperParameterTuningJobObjectiveMetric"]
    chosen = trials_of.best_values(described)
    shown = ", ".join(f"{key} {trials_of.plain(text)}" for key, text in sorted(chosen.items()))
    evidence = (
        f"{len(trials)} trials of {request['HyperParameterTuningJobConfig']['Strategy']}, best {metric['MetricName']} "
        f"{metric['Value']:.3f} with {shown}; "
        f"the whole envelope arrived ({len(found['fields'])} fields, {found['trials']} trials)"
    )
    return evidence, {
        "name": name,
        "strategy": request["HyperParameterTuningJobConfig"]["Strategy"],
        "objective": {"metric": metric["MetricName"], "value": metric["Value"]},
        "best": {"job": best["TrainingJobName"], "hyperparameters": chosen},
        "trials": [_trial(trial) for trial in trials_of.ranked(described, trials)],
        "envelope": found["fields"],
        "seconds": time.monotonic() - begin,
    }


def _small(usual: Tuning | None) -> Tuning | None:
    """The workload's search with few trials; Hyperband needs its own number, or its brackets have nobody to compare."""
    if usual is None or usual.strategy == "Hyperband":
        return usual
    return replace(usual, max_jobs=min(usual.max_jobs, MOST_TRIALS), max_parallel=min(usual.max_parallel, AT_ONCE))


def _followed(sagemaker: Any, name: str, note: Note) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Wait for the end of the search; RehearsalError with the reasons when it brought nothing."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        described, trials = trials_of.describe(sagemaker, name), trials_of.trials(sagemaker, name)
        note(trials_of.state(described, trials))
        if described["HyperParameterTuningJobStatus"] in trials_of.ENDED:
            if not described.get("BestTrainingJob"):
                reasons = {str(trial.get("FailureReason", trial["TrainingJobStatus"])) for trial in trials}
                reasons |= {str(described.get("FailureReason", "no trial had a result"))}
                raise RehearsalError(f"tuning job {name} brought nothing:\n  " + "\n  ".join(sorted(reasons)))
            return described, trials
        time.sleep(POLL_S)
    raise RehearsalError(f"tuning job {name} had not ended after {DEADLINE_S} s")


def _demand_log(reader: Any, described: dict[str, Any]) -> None:
    """The operator can read what a trial has said; RehearsalError when its objective does not stand there."""
    best = described["BestTrainingJob"]
    lines = [text for _, text in logs.Follower(reader, best["TrainingJobName"]).lines()]
    metric = best["FinalHyperParameterTuningJobObjectiveMetric"]["MetricName"]
    if not any(metric in line for line in lines):
        raise RehearsalError(
            f"the log of {best['TrainingJobName']} says nothing of {metric}: it has {len(lines)} lines"
        )


def _demand_stop(sagemaker: Any, planned: plan.Plan, *, search: Tuning | None) -> None:
    """Begin the search once more, and stop it; RehearsalError when it does not end."""
    # Another second, another name.
    name = names.tuning_name(planned.environment, time.time() + 1)
    client.send(sagemaker, tuning.OPERATION, tuning.request(planned, name, search=search, seed=SEED))
    sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    deadline = time.monotonic() + STOPPED_S
    while (state := trials_of.describe(sagemaker, name)["HyperParameterTuningJobStatus"]) not in trials_of.ENDED:
        if time.monotonic() > deadline:
            raise RehearsalError(f"tuning job {name} was to be stopped, but is still {state} after {STOPPED_S} s")
        time.sleep(POLL_S)


def _trial(trial: dict[str, Any]) -> dict[str, Any]:
    return {
        "job": trial["TrainingJobName"],
        "status": trial["TrainingJobStatus"],
        "value": trials_of.value(trial),
        "hyperparameters": trial.get("TunedHyperParameters", {}),
    }
