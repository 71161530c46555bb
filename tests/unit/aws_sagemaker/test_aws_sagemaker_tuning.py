"""Tuning jobs run their trials as training jobs, end those that fall behind, and tell which was best."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from aws_sagemaker_server import BUCKET, ROLE, TRAINING_IMAGE, Server, wait_until
from botocore.exceptions import ClientError

_numbers = itertools.count(1)

# the best learning rate is 0.01; an epoch's value rises towards what the trial can reach
TRAIN = """
import argparse, math, time
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=1)
parser.add_argument("--learning-rate", type=float, default=0.01)
parser.add_argument("--batch", type=int)
parser.add_argument("--optimiser")
parser.add_argument("--pause", type=float, default=0)
parser.add_argument("--only")
args = parser.parse_args()
if args.only and args.optimiser != args.only:
    raise SystemExit("cannot")
best = 1 - 0.2 * abs(math.log10(args.learning_rate) + 2)
for epoch in range(1, args.epochs + 1):
    print(f"epoch={epoch}; accuracy={best * epoch / args.epochs:.4f};", flush=True)
    time.sleep(args.pause)
"""
LEARNING_RATE = {"Name": "learning-rate", "MinValue": "0.0001", "MaxValue": "1"}
OPTIMISER = {"Name": "optimiser", "Values": ["sgd", "adam"]}


def tune(
    server: Server, ranges: dict[str, Any], config: dict[str, Any], definition: dict[str, Any], **static: str
) -> str:
    name = f"tuning-{next(_numbers)}"
    code = server.put_tar(f"code/{name}/sourcedir.tar.gz", {"train.py": TRAIN})
    server.sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name,
        HyperParameterTuningJobConfig={
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "accuracy"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": ranges,
            **config,
        },
        TrainingJobDefinition={
            "StaticHyperParameters": {"sagemaker_program": "train.py", "sagemaker_submit_directory": code, **static},
            "AlgorithmSpecification": {
                "TrainingImage": TRAINING_IMAGE,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "accuracy", "Regex": "accuracy=([0-9.-]+);"}],
            },
            "RoleArn": ROLE,
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/tuned"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            **definition,
        },
        Tags=[{"Key": "team", "Value": "ml"}],
    )
    return name


def limits(most: int, parallel: int = 2) -> dict[str, Any]:
    return {"ResourceLimits": {"MaxNumberOfTrainingJobs": most, "MaxParallelTrainingJobs": parallel}}


def described(server: Server, name: str) -> dict[str, Any]:
    return server.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)


def ended(server: Server, name: str) -> dict[str, Any]:
    def done() -> dict[str, Any] | None:
        job = described(server, name)
        return job if job["HyperParameterTuningJobStatus"] in {"Completed", "Failed", "Stopped"} else None

    return wait_until(done, 60)


def trials(server: Server, name: str, **more: Any) -> list[dict[str, Any]]:
    return server.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName=name, **more)[
        "TrainingJobSummaries"
    ]


@pytest.fixture(scope="module")
def tuned(aws: Server) -> str:
    """A random search whose trials have the whole envelope."""
    envelope = {
        "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
        "EnableInterContainerTrafficEncryption": True,
        "EnableManagedSpotTraining": True,
        "CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/tuned-checkpoints"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 700},
        "Environment": {"GREETING": "hello"},
    }
    ranges = {"ContinuousParameterRanges": [LEARNING_RATE], "CategoricalParameterRanges": [OPTIMISER]}
    name = tune(aws, ranges, {**limits(3), "RandomSeed": 7}, envelope, epochs="2")
    assert ended(aws, name)["HyperParameterTuningJobStatus"] == "Completed"
    return name


def test_the_best_training_job_is_the_best(aws: Server, tuned: str) -> None:
    job, listed = described(aws, tuned), trials(aws, tuned)
    assert job["TrainingJobStatusCounters"]["Completed"] == job["ObjectiveStatusCounters"]["Succeeded"] == 3
    values = {t["TrainingJobName"]: t["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for t in listed}
    assert job["BestTrainingJob"]["TrainingJobName"] == max(values, key=lambda name: values[name])
    assert len(set(values.values())) == 3
    assert job["HyperParameterTuningEndTime"] >= max(t["TrainingEndTime"] for t in listed)
    ranked = trials(aws, tuned, SortBy="FinalObjectiveMetricValue", SortOrder="Descending", MaxResults=2)
    assert [t["TrainingJobName"] for t in ranked] == sorted(values, key=lambda name: -values[name])[:2]


def test_a_trial_carries_the_whole_envelope(aws: Server, tuned: str) -> None:
    definition = described(aws, tuned)["TrainingJobDefinition"]
    for number, trial in enumerate(trials(aws, tuned, SortBy="Name"), start=1):
        assert trial["TrainingJobName"].startswith(f"{tuned}-00{number}-")
        job = aws.sagemaker.describe_training_job(TrainingJobName=trial["TrainingJobName"])
        shared = set(definition) - {"StaticHyperParameters", "AlgorithmSpecification"}
        assert {member: job[member] for member in shared} == {member: definition[member] for member in shared}
        assert job["HyperParameters"] == {
            **definition["StaticHyperParameters"],
            **trial["TunedHyperParameters"],
            "_tuning_objective_metric": "accuracy",
        }
        assert job["TuningJobArn"] == described(aws, tuned)["HyperParameterTuningJobArn"]
        tags = aws.sagemaker.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"]
        assert tags == [{"Key": "team", "Value": "ml"}]


@pytest.mark.slow
def test_a_seed_repeats_a_random_search(aws: Server, tuned: str) -> None:
    ranges = {"ContinuousParameterRanges": [LEARNING_RATE], "CategoricalParameterRanges": [OPTIMISER]}
    again = tune(aws, ranges, {**limits(3, 3), "RandomSeed": 7}, {})
    ended(aws, again)

    def values(name: str) -> list[dict[str, str]]:
        return [t["TunedHyperParameters"] for t in trials(aws, name, SortBy="Name")]

    assert values(again) == values(tuned)


def test_a_grid_tries_every_combination_once(aws: Server) -> None:
    batch = {"Name": "batch", "Values": ["16", "32"]}
    resources = {"ResourceLimits": {"MaxParallelTrainingJobs": 4}}
    name = tune(aws, {"CategoricalParameterRanges": [OPTIMISER, batch]}, {"Strategy": "Grid", **resources}, {})
    assert ended(aws, name)["HyperParameterTuningJobStatus"] == "Completed"
    tried = {tuple(t["TunedHyperParameters"].values()) for t in trials(aws, name)}
    assert tried == set(itertools.product(["sgd", "adam"], ["16", "32"]))
    assert len(trials(aws, name)) == 4


def test_a_trial_below_the_median_is_stopped_early(aws: Server) -> None:
    # given a grid whose second trial learns nothing, after a first that does
    rates = {"Name": "learning-rate", "Values": ["0.01", "1"]}
    config = {
        "Strategy": "Grid",
        "TrainingJobEarlyStoppingType": "Auto",
        "ResourceLimits": {"MaxParallelTrainingJobs": 1},
    }
    name = tune(aws, {"CategoricalParameterRanges": [rates]}, config, {}, epochs="200", pause="0.005")
    job = ended(aws, name)
    # then it is stopped, and its last value still counts
    assert job["TrainingJobStatusCounters"]["Stopped"] == 1
    assert job["ObjectiveStatusCounters"]["Succeeded"] == 2
    assert job["BestTrainingJob"]["TunedHyperParameters"] == {"learning-rate": "0.01"}
    assert job["HyperParameterTuningJobStatus"] == "Completed"


@pytest.mark.slow
def test_failed_trials_do_not_fail_the_tuning(aws: Server) -> None:
    resources = {"ResourceLimits": {"MaxParallelTrainingJobs": 2}}
    ranges = {"CategoricalParameterRanges": [OPTIMISER]}
    name = tune(aws, ranges, {"Strategy": "Grid", **resources}, {}, only="adam")
    job = ended(aws, name)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TrainingJobStatusCounters"]["NonRetryableError"] == job["ObjectiveStatusCounters"]["Failed"] == 1
    assert job["BestTrainingJob"]["TunedHyperParameters"] == {"optimiser": "adam"}
    (failed,) = trials(aws, name, StatusEquals="Failed")
    assert "cannot" in failed["FailureReason"]


def test_stop_ends_what_runs(aws: Server) -> None:
    name = tune(aws, {"ContinuousParameterRanges": [LEARNING_RATE]}, limits(9), {}, epochs="100", pause="1")
    wait_until(lambda: len(trials(aws, name)) == 2)
    aws.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert described(aws, name)["HyperParameterTuningJobStatus"] == "Stopping"
    job = ended(aws, name)
    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    assert job["TrainingJobStatusCounters"]["Stopped"] == len(trials(aws, name)) == 2
    with pytest.raises(ClientError, match="status Stopped"):
        aws.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    listed = aws.sagemaker.list_hyper_parameter_tuning_jobs(StatusEquals="Stopped")
    assert [one["HyperParameterTuningJobName"] for one in listed["HyperParameterTuningJobSummaries"]] == [name]


@pytest.mark.slow
def test_hyperband_spends_its_epochs_on_what_does_well(aws: Server) -> None:
    config = {"Strategy": "Hyperband", **limits(9, 3), "RandomSeed": 3}
    band = {"StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 3}}}
    ranges = {"ContinuousParameterRanges": [LEARNING_RATE]}
    name = tune(aws, ranges, {**config, **band}, {}, epochs="27", pause="0.1")
    job = ended(aws, name)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TrainingJobStatusCounters"]["Stopped"] >= 1
    assert job["BestTrainingJob"]["TrainingJobStatus"] == "Completed"


@pytest.mark.slow
def test_bayesian_trials_come_near_the_best(aws: Server) -> None:
    ranges = {"ContinuousParameterRanges": [LEARNING_RATE]}
    name = tune(aws, ranges, {"Strategy": "Bayesian", **limits(10, 1), "RandomSeed": 1}, {})
    best = ended(aws, name)["BestTrainingJob"]
    assert best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] > 0.95


@pytest.mark.slow
def test_a_target_and_hopelessness_end_a_tuning_job(aws: Server) -> None:
    ranges = {"ContinuousParameterRanges": [LEARNING_RATE]}
    name = tune(aws, ranges, {**limits(50, 1), "TuningJobCompletionCriteria": {"TargetObjectiveMetricValue": 0.5}}, {})
    job = ended(aws, name)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] >= 0.5
    name = tune(aws, ranges, limits(50), {}, only="nothing")
    job = ended(aws, name)
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert "No training job succeeded after 5 attempts" in job["FailureReason"]
    assert 5 <= len(trials(aws, name)) <= 6


@pytest.mark.parametrize(
    ("ranges", "config", "definition", "message"),
    [
        ({}, {}, {}, "ParameterRanges must hold at least one range"),
        (
            {"ContinuousParameterRanges": [{**LEARNING_RATE, "MinValue": "2"}]},
            {},
            {},
            "MinValue 2 above MaxValue 1",
        ),
        (
            {"IntegerParameterRanges": [{"Name": "epochs", "MinValue": "1", "MaxValue": "2"}]},
            {},
            {"StaticHyperParameters": {"epochs": "1"}},
            "static or tuned, not both: epochs",
        ),
        (
            {"ContinuousParameterRanges": [LEARNING_RATE]},
            {"HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"}},
            {},
            "Objective metric loss is none of the training job's metric definitions: accuracy",
        ),
        ({"ContinuousParameterRanges": [LEARNING_RATE]}, {"Strategy": "Grid"}, {}, "categorical ranges only"),
        (
            {"CategoricalParameterRanges": [OPTIMISER]},
            {"Strategy": "Grid", **limits(5)},
            {},
            "the grid has 2 combinations",
        ),
        ({"ContinuousParameterRanges": [LEARNING_RATE]}, {"Strategy": "Hyperband"}, {}, "MaxResource cannot be inf"),
        (
            {"ContinuousParameterRanges": [LEARNING_RATE]},
            {"Strategy": "Hyperband", "TrainingJobEarlyStoppingType": "Auto"},
            {},
            "must be Off with the Hyperband strategy",
        ),
        (
            {"ContinuousParameterRanges": [LEARNING_RATE]},
            {"ResourceLimits": {"MaxParallelTrainingJobs": 1}},
            {},
            "MaxNumberOfTrainingJobs, MaxRuntimeInSeconds or",
        ),
        (
            {"ContinuousParameterRanges": [LEARNING_RATE]},
            {},
            {"EnableManagedSpotTraining": True},
            "MaxWaitTimeInSeconds must be provided",
        ),
        (
            {"ContinuousParameterRanges": [LEARNING_RATE]},
            {},
            {"RoleArn": "arn:aws:iam::123456789012:role/nobody"},
            "Could not assume role",
        ),
    ],
)
def test_what_cannot_be_tuned_is_refused(
    aws: Server, ranges: dict[str, Any], config: dict[str, Any], definition: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError) as error:
        tune(aws, ranges, config, definition)
    assert error.value.response["Error"]["Code"] == "ValidationException"
    assert message in error.value.response["Error"]["Message"]
