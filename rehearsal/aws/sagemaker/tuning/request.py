"""What CreateHyperParameterTuningJob refuses beyond the shapes of its input.

Sources: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperParameterTuningJobConfig.html,
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperbandStrategyConfig.html and
https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html.
"""

from __future__ import annotations

import math
from typing import Any

from rehearsal.aws.sagemaker.errors import AWSValidationException
from rehearsal.aws.sagemaker.training import request as training
from rehearsal.aws.sagemaker.tuning import ranges, trials

_MISSING = {
    "WarmStartConfig": "warm start: leave it out, and each tuning job starts afresh",
    "TrainingJobDefinitions": "several training job definitions: give the one as TrainingJobDefinition",
    "Autotune": "autotune: give the ranges, the objective and the limits yourself",
}
_EPOCHS = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")
_MOST_HYPERPARAMETERS = 100
_ADDED = 1  # _tuning_objective_metric counts as well


def check(request: dict[str, Any]) -> None:
    """Check members against each other, and the training jobs that would come of them.

    Raises
    ------
    AWSValidationException
        Naming the member and, where there is one, the value.
    """
    for member, what in _MISSING.items():
        if request.get(member):
            raise AWSValidationException(f"{member} is refused: the embedded AWS has no {what}.")
    config, definition = request["HyperParameterTuningJobConfig"], request.get("TrainingJobDefinition")
    if definition is None:
        raise AWSValidationException("TrainingJobDefinition must be given.")
    _objective(config, definition)
    space = _space(config)
    _hyperparameters(space, definition.get("StaticHyperParameters") or {})
    _strategy(config, definition, space)
    _criteria(config)
    training.check(trials.request(request, "trial", {}))


def resources(request: dict[str, Any]) -> tuple[int, int]:
    """Return Hyperband's smallest and largest number of epochs.

    Raises
    ------
    AWSValidationException
        When there is no largest number, or it is below the smallest.
    """
    config = request["HyperParameterTuningJobConfig"]
    given = (config.get("StrategyConfig") or {}).get("HyperbandStrategyConfig") or {}
    static = request["TrainingJobDefinition"].get("StaticHyperParameters") or {}
    named = next((static[name] for name in _EPOCHS if name in static), None)
    high = given.get("MaxResource") or (int(named) if named is not None and named.strip('"').isdigit() else None)
    if high is None:
        raise AWSValidationException(
            "MaxResource cannot be inferred: set HyperbandStrategyConfig.MaxResource, or one of the static "
            f"hyperparameters {', '.join(_EPOCHS)} to a whole number."
        )
    low = given.get("MinResource") or 1
    if low > high:
        raise AWSValidationException(f"HyperbandStrategyConfig has MinResource {low} above MaxResource {high}.")
    return low, high


def count(request: dict[str, Any]) -> int | None:
    """Return how many trials there may be; None where only other criteria end the tuning job."""
    config = request["HyperParameterTuningJobConfig"]
    most = config["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    if config["Strategy"] == "Grid":
        return math.prod(len(of.values) for of in ranges.read(config["ParameterRanges"]))
    return int(most) if most is not None else None


def _objective(config: dict[str, Any], definition: dict[str, Any]) -> None:
    objective = config.get("HyperParameterTuningJobObjective")
    if not objective:
        raise AWSValidationException("HyperParameterTuningJobObjective must be given.")
    known = [metric["Name"] for metric in definition["AlgorithmSpecification"].get("MetricDefinitions") or []]
    if objective["MetricName"] not in known:
        raise AWSValidationException(
            f"Objective metric {objective['MetricName']} is none of the training job's metric definitions: "
            f"{', '.join(known) or 'it has none'}."
        )


def _space(config: dict[str, Any]) -> tuple[ranges.Range, ...]:
    given = config.get("ParameterRanges") or {}
    if given.get("AutoParameters"):
        raise AWSValidationException("AutoParameters are refused: the embedded AWS has no autotune; give ranges.")
    try:
        space = ranges.read(given)
    except ValueError as error:
        raise AWSValidationException(f"ParameterRanges: {error}.") from error
    if not space:
        raise AWSValidationException("ParameterRanges must hold at least one range.")
    return space


def _hyperparameters(space: tuple[ranges.Range, ...], static: dict[str, str]) -> None:
    twice = sorted({of.name for of in space} & set(static))
    if twice:
        raise AWSValidationException(f"Hyperparameters must be static or tuned, not both: {', '.join(twice)}.")
    number = len(space) + len(static) + _ADDED
    if number > _MOST_HYPERPARAMETERS:
        raise AWSValidationException(
            f"{number} hyperparameters, with the one that tuning adds, are above the limit of {_MOST_HYPERPARAMETERS}."
        )


def _strategy(config: dict[str, Any], definition: dict[str, Any], space: tuple[ranges.Range, ...]) -> None:
    strategy = config["Strategy"]
    if strategy == "Hyperband":
        if config.get("TrainingJobEarlyStoppingType", "Off") != "Off":
            raise AWSValidationException(
                "TrainingJobEarlyStoppingType must be Off with the Hyperband strategy, which stops jobs by itself."
            )
        resources({"HyperParameterTuningJobConfig": config, "TrainingJobDefinition": definition})
    elif config.get("StrategyConfig"):
        raise AWSValidationException(f"StrategyConfig belongs to the Hyperband strategy, not to {strategy}.")
    most = config["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    if strategy == "Grid":
        numeric = [of.name for of in space if of.kind != "categorical"]
        if numeric:
            raise AWSValidationException(f"Grid search takes categorical ranges only; not one: {', '.join(numeric)}.")
        combinations = math.prod(len(of.values) for of in space)
        if most is not None and most != combinations:
            raise AWSValidationException(
                f"MaxNumberOfTrainingJobs is {most}, and the grid has {combinations} combinations: leave it out."
            )
    elif most is None and not _other_end(config):
        raise AWSValidationException(
            "MaxNumberOfTrainingJobs, MaxRuntimeInSeconds or a completion criterion must be given."
        )


def _other_end(config: dict[str, Any]) -> bool:
    return bool(config["ResourceLimits"].get("MaxRuntimeInSeconds") or config.get("TuningJobCompletionCriteria"))


def _criteria(config: dict[str, Any]) -> None:
    criteria = config.get("TuningJobCompletionCriteria") or {}
    if (criteria.get("ConvergenceDetected") or {}).get("CompleteOnConvergence") == "Enabled":
        raise AWSValidationException(
            "CompleteOnConvergence is refused: the embedded AWS cannot tell when SageMaker would call it convergence; "
            "use BestObjectiveNotImproving."
        )
