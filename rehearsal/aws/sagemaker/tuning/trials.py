"""Make the training job of one trial: everything of the definition, and the values that were chosen.

Sources: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html,
https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html (the added hyperparameter).
"""

from __future__ import annotations

import uuid
from typing import Any

OBJECTIVE = "_tuning_objective_metric"
"""Hyperparameter by which a program learns which metric is tuned."""

_ENVELOPE = (
    "RoleArn", "InputDataConfig", "OutputDataConfig", "VpcConfig", "StoppingCondition", "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining", "CheckpointConfig", "RetryStrategy",
    "Environment",
)  # fmt: skip


def request(tuning: dict[str, Any], name: str, values: dict[str, str]) -> dict[str, Any]:
    """Return CreateTrainingJob's input of a trial.

    Parameters
    ----------
    tuning
        CreateHyperParameterTuningJob's input.
    """
    definition = tuning["TrainingJobDefinition"]
    metric = tuning["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"]
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": definition["AlgorithmSpecification"],
        "HyperParameters": {**(definition.get("StaticHyperParameters") or {}), **values, OBJECTIVE: metric},
        "ResourceConfig": resources(definition),
        **{member: definition[member] for member in _ENVELOPE if member in definition},
    }


def resources(definition: dict[str, Any]) -> dict[str, Any]:
    """Return the ResourceConfig of a trial; of prioritised instance types the first, for none is ever sold out here."""
    flexible = definition.get("HyperParameterTuningResourceConfig")
    if not flexible:
        return dict(definition.get("ResourceConfig") or {"InstanceCount": 1, "VolumeSizeInGB": 1})
    first = (flexible.get("InstanceConfigs") or [{}])[0]
    members = ("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId")
    return {"VolumeSizeInGB": 1, **{name: flexible[name] for name in members if name in flexible}, **first}


def name(tuning: str, number: int) -> str:
    """Return the name of the ``number``-th trial, from 1: SageMaker numbers them and adds eight random digits."""
    return f"{tuning}-{number:03d}-{uuid.uuid4().hex[:8]}"
