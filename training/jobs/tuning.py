"""CreateHyperParameterTuningJob: a search over the workload's hyperparameters, each trial in the whole envelope.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training.errors import JobError
from training.jobs import envelope, rules, training

if TYPE_CHECKING:
    from training.jobs.plan import Plan
    from training.workloads.description import Range, Tuning

OPERATION = "CreateHyperParameterTuningJob"
NAME_LIMIT = 32


def request(plan: Plan, name: str, *, search: Tuning | None = None, seed: int | None = None) -> envelope.Request:
    """Build the request.

    Parameters
    ----------
    name
        Of the tuning job, with the environment's prefix for them; its trials' names begin with it.
    search
        In place of the workload's `training.tuning`.
    seed
        Makes the same search again, as far as SageMaker can.

    Raises
    ------
    JobError
        There is nothing to search, or AWS would refuse it.
    """
    search = search or plan.workload.training.tuning
    if search is None:
        remedy = "says nothing about what to search; add training.tuning to workload.yaml"
        raise JobError("WORKLOAD", plan.workload.name, remedy)
    rules.demand_name("tuning job name", name, plan.environment.tuning_name_prefix, NAME_LIMIT)
    # No checkpoints, with spot neither: a trial must not go on from another one's.
    definition = training.definition(plan)
    static = {key: value for key, value in plan.hyperparameters.items() if key not in search.ranges}
    if search.resource:
        # Hyperband's epochs end the trials; the program's own limit must not come before.
        static |= {"epochs": str(search.resource.max)} if "epochs" in static else {}
    definition["StaticHyperParameters"] = static | training.toolkit(plan)
    made = {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": _config(plan, search, seed),
        "TrainingJobDefinition": definition,
    }
    secured = envelope.secured(OPERATION, made, plan.environment, max_runtime_s=plan.machines.max_runtime_s)
    rules.check(OPERATION, secured)
    return secured


def _config(plan: Plan, search: Tuning, seed: int | None) -> dict[str, Any]:
    config: dict[str, Any] = {
        "Strategy": search.strategy,
        "HyperParameterTuningJobObjective": {"Type": search.objective.goal, "MetricName": search.objective.metric},
        "ResourceLimits": {
            "MaxNumberOfTrainingJobs": search.max_jobs,
            "MaxParallelTrainingJobs": search.max_parallel,
        },
        "ParameterRanges": _ranges(plan, search),
        "TrainingJobEarlyStoppingType": search.early_stopping,
    }
    if search.resource:
        span = {"MinResource": search.resource.min, "MaxResource": search.resource.max}
        config["StrategyConfig"] = {"HyperbandStrategyConfig": span}
    if seed is not None:
        config["RandomSeed"] = seed
    return config


def _ranges(plan: Plan, search: Tuning) -> dict[str, list[dict[str, Any]]]:
    kinds = {"integer": "IntegerParameterRanges", "number": "ContinuousParameterRanges"}
    made: dict[str, list[dict[str, Any]]] = {}
    for name, span in sorted(search.ranges.items()):
        declared = plan.workload.training.hyperparameters[name].type
        if span.values is not None:
            made.setdefault("CategoricalParameterRanges", []).append({"Name": name, "Values": list(span.values)})
        else:
            made.setdefault(kinds[declared], []).append(_numbers(name, span, whole=declared == "integer"))
    return made


def _numbers(name: str, span: Range, *, whole: bool) -> dict[str, Any]:
    def text(value: float | None) -> str:
        return str(int(value or 0)) if whole else str(value)

    return {"Name": name, "MinValue": text(span.min), "MaxValue": text(span.max), "ScalingType": span.scaling}
