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
from training.jobs import client, environment, names, plan, search, tuning
from training.workloads.description import Tuning

MOST_TRIALS, AT_ONCE = 3, 2
SEED = 7
DEADLINE_S = 900
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
    best = described["BestTrainingJob"]
    metric = best["FinalHyperParameterTuningJobObjectiveMetric"]
    chosen = search.best_values(described)
    evidence = (
        f"{len(trials)} trials of {request['HyperParameterTuningJobConfig']['Strategy']}, best {metric['MetricName']} "
        f"{metric['Value']:.3f} with {', '.join(f'{key} {value}' for key, value in sorted(chosen.items()))}; "
        f"the whole envelope arrived ({len(found['fields'])} fields, {found['trials']} trials)"
    )
    return evidence, {
        "name": name,
        "strategy": request["HyperParameterTuningJobConfig"]["Strategy"],
        "objective": {"metric": metric["MetricName"], "value": metric["Value"]},
        "best": {"job": best["TrainingJobName"], "hyperparameters": chosen},
        "trials": [_trial(trial) for trial in search.ranked(described, trials)],
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
        described, trials = search.describe(sagemaker, name), search.trials(sagemaker, name)
        note(search.state(described, trials))
        if described["HyperParameterTuningJobStatus"] in search.ENDED:
            if not described.get("BestTrainingJob"):
                reasons = {str(trial.get("FailureReason", trial["TrainingJobStatus"])) for trial in trials}
                reasons |= {str(described.get("FailureReason", "no trial had a result"))}
                raise RehearsalError(f"tuning job {name} brought nothing:\n  " + "\n  ".join(sorted(reasons)))
            return described, trials
        time.sleep(POLL_S)
    raise RehearsalError(f"tuning job {name} had not ended after {DEADLINE_S} s")


def _trial(trial: dict[str, Any]) -> dict[str, Any]:
    return {
        "job": trial["TrainingJobName"],
        "status": trial["TrainingJobStatus"],
        "value": search.value(trial),
        "hyperparameters": trial.get("TunedHyperParameters", {}),
    }
