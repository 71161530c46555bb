"""Requests of training, tuning, processing and transform jobs: what they say, and that AWS's own model allows it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit import jobs_support as support
from training.errors import JobError
from training.jobs import envelope, processing, shapes, training, transform, tuning
from training.workloads import spec
from training.workloads.description import Objective, Range, Tuning

NAME = f"{support.NAME}-20260102-030405"
SEARCH = "vehicles-dev-abc123"


def trained(given: Any = None, **wanted: Any) -> dict[str, Any]:
    return training.request(support.planned(given, **wanted), NAME)


def channel(request: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in request["InputDataConfig"] if one["ChannelName"] == name)


def processed(**wanted: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "command": ["python", "-m", "training.monitoring", "--help"],
        "inputs": {"capture": f"s3://{support.BUCKET}-data/vehicles/capture/"},
        "outputs": {"report": f"s3://{support.BUCKET}-data/vehicles/results/"},
        "instance_type": "ml.m5.xlarge",
        "max_runtime_s": 1800,
    }
    return processing.request(support.place(), NAME, **(usual | wanted))


def transformed(**wanted: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "model_name": NAME,
        "images": f"s3://{support.BUCKET}-data/vehicles/incoming/",
        "results": f"s3://{support.BUCKET}-data/vehicles/results/",
        "instance_type": "ml.m5.xlarge",
    }
    return transform.request(support.workload(), support.place(), NAME, **(usual | wanted))


def modelled() -> dict[str, Any]:
    url = f"{support.MADE['artifact_uri']}/{NAME}/output/model.tar.gz"
    return transform.model(support.place(), NAME, image=support.MADE["image"], model_data_url=url)


def tuned(search: dict[str, Any] | None = None, **wanted: Any) -> dict[str, Any]:
    given = support.workload(tuning=search or support.TUNING)
    return tuning.request(support.planned(given, **wanted), SEARCH)


REQUESTS = {
    "CreateTrainingJob": trained,
    "CreateHyperParameterTuningJob": tuned,
    "CreateProcessingJob": processed,
    "CreateTransformJob": transformed,
    "CreateModel": modelled,
}


@pytest.mark.parametrize("operation", REQUESTS)
def test_every_request_carries_the_whole_envelope_and_fits_botocores_model(operation: str):
    request = REQUESTS[operation]()
    shapes.check(operation, request)
    assert envelope.holes(operation, request) == []
    facts = {envelope.PLACES[operation][path]: value for path, value in envelope.held(operation, request).items()}
    expected = {
        "encryption": True,
        "isolation": True,
        "output_key": support.KEY,
        "role": support.MADE["role_arn"],
        "security_groups": support.MADE["security_group_ids"],
        "subnets": support.MADE["subnet_ids"],
        "volume_key": support.KEY,
    }
    assert {name: value for name, value in facts.items() if name in expected} == {
        name: value for name, value in expected.items() if name in facts
    }
    assert {"Key": "environment", "Value": "dev"} in request["Tags"]


@pytest.mark.parametrize("name", spec.names())
def test_every_workload_of_the_repository_can_be_asked_for(name: str):
    where, given = support.place_of(name), spec.load(name)
    plan = support.planned(given, where, code=f"{where.code_uri}/0123/sourcedir.tar.gz")
    request = training.request(plan, f"{where.job_name_prefix}1")
    assert set(given.rehearsal.hyperparameters) <= set(request["HyperParameters"])
    assert [one["ChannelName"] for one in request["InputDataConfig"]] == [*sorted(given.data.channels), "code"]
    if given.training.tuning:
        searched = tuning.request(plan, f"{where.tuning_name_prefix}1")
        assert not set(given.training.tuning.ranges) & set(searched["TrainingJobDefinition"]["StaticHyperParameters"])


def test_the_envelope_covers_every_field_that_aws_has_for_it():
    """Each member of the five inputs whose name says network, key, role, isolation or encryption is a place of it."""
    words = ("VpcConfig", "KmsKeyId", "RoleArn", "EnableNetworkIsolation", "EnableInterContainerTrafficEncryption")
    elsewhere = {
        "DataCaptureConfig.KmsKeyId",  # a copy of what is transformed, which no request asks for
        "DatasetDefinition",
        "TrainingJobDefinitions",
        "DebugHookConfig",
        "ProfilerConfig",
        "ModelPackageConfig",
        "ServerlessJobConfig",
    }

    def found(shape: Any, path: str = "", depth: int = 0) -> set[str]:
        if shape.type_name != "structure" or depth > 4:
            return set()
        names: set[str] = set()
        for name, member in shape.members.items():
            here = f"{path}.{name}" if path else name
            if any(here.startswith(one) or f".{one}." in here or name == one for one in elsewhere):
                continue
            if name.endswith(words):
                names.add(here)
            elif member.type_name == "structure":
                names |= found(member, here, depth + 1)
        return names

    for operation, places in envelope.PLACES.items():
        shape = shapes.model().operation_model(operation).input_shape
        covered = {part for path in places for part in (path, path.rpartition(".")[0])}
        known = {one for one in found(shape) if not one.endswith("HyperParameterTuningResourceConfig.VolumeKmsKeyId")}
        assert known <= covered, operation


def test_a_request_cannot_bring_a_part_of_the_envelope_itself():
    with pytest.raises(JobError, match=r"EnableNetworkIsolation = False: belongs to the envelope"):
        envelope.secured("CreateTrainingJob", {"EnableNetworkIsolation": False}, support.place(), max_runtime_s=60)


def test_an_envelope_without_an_end_is_refused():
    with pytest.raises(JobError, match=r"StoppingCondition.MaxRuntimeInSeconds = None"):
        envelope.secured("CreateTrainingJob", {}, support.place())


def test_building_a_request_changes_nothing_that_was_given():
    given: dict[str, Any] = {"ResourceConfig": {"InstanceCount": 1}}
    envelope.secured("CreateTrainingJob", given, support.place(), max_runtime_s=60)
    assert given == {"ResourceConfig": {"InstanceCount": 1}}


def test_script_mode_gets_its_code_through_a_channel_and_its_hyperparameters_as_strings():
    request = trained(hyperparameters={"epochs": 3, "augment": False})
    assert channel(request, "code")["DataSource"]["S3DataSource"]["S3Uri"] == support.CODE
    values = request["HyperParameters"]
    assert values["sagemaker_submit_directory"] == "/opt/ml/input/data/code/sourcedir.tar.gz"
    assert (values["sagemaker_program"], values["epochs"], values["augment"]) == ("train.py", "3", "false")
    assert all(isinstance(value, str) for value in values.values())


def test_settings_overrule_the_workload_and_the_caller_overrules_both():
    where = support.place({"instance_type": "ml.c5.xlarge", "hyperparameters": {"epochs": 5, "seed": 1}})
    request = trained(where=where, hyperparameters={"epochs": 9}, machines={"count": 2})
    assert request["ResourceConfig"]["InstanceType"] == "ml.c5.xlarge"
    assert request["ResourceConfig"]["InstanceCount"] == 2
    assert (request["HyperParameters"]["epochs"], request["HyperParameters"]["seed"]) == ("9", "1")


def test_channels_of_the_dataset_follow_the_choice_of_one():
    request = trained(dataset=f"{support.MADE['dataset_uri']}/v2/")
    assert channel(request, "train")["DataSource"]["S3DataSource"]["S3Uri"].endswith("/vehicles/dataset/v2/train/")
    with pytest.raises(JobError, match="lies outside"):
        trained(dataset="s3://elsewhere/vehicles/dataset")


def test_an_augmented_manifest_is_streamed_in_recordio():
    given = support.workload(channels={"train": {
        "prefix": "vehicles/dataset/train.manifest", "content_type": "application/x-recordio",
        "data_type": "AugmentedManifestFile", "attributes": ["source-ref", "class"], "input_mode": "Pipe",
        "record_wrapper": "RecordIO", "distribution": "ShardedByS3Key", "shuffle_seed": 7,
    }})  # fmt: skip
    made = channel(trained(given), "train")
    assert made == {
        "ChannelName": "train",
        "ContentType": "application/x-recordio",
        "InputMode": "Pipe",
        "RecordWrapperType": "RecordIO",
        "ShuffleConfig": {"Seed": 7},
        "DataSource": {
            "S3DataSource": {
                "S3DataType": "AugmentedManifestFile",
                "S3DataDistributionType": "ShardedByS3Key",
                "S3Uri": f"s3://{support.BUCKET}-data/vehicles/dataset/train.manifest",
                "AttributeNames": ["source-ref", "class"],
            }
        },
    }


def test_fastfile_is_asked_for_by_channel():
    channels = {"train": {"prefix": "vehicles/a/", "content_type": "application/x-image", "input_mode": "FastFile"}}
    request = trained(support.workload(channels=channels))
    assert channel(request, "train")["InputMode"] == "FastFile"
    assert channel(request, "test")["InputMode"] == "File"


def test_spot_waits_as_long_again_and_keeps_checkpoints_of_the_job():
    request = trained(machines={"spot": True})
    assert request["EnableManagedSpotTraining"] is True
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200}
    assert request["CheckpointConfig"]["S3Uri"] == f"{support.MADE['checkpoint_uri']}/{NAME}"


def test_several_processes_are_started_by_torchrun_and_one_is_not():
    alone = trained()
    assert not any(name.startswith("sagemaker_torch") for name in alone["HyperParameters"])
    several = trained(support.workload(processes_per_instance=2), machines={"count": 3})
    assert several["HyperParameters"]["sagemaker_torch_distributed_enabled"] == "true"
    assert several["HyperParameters"]["sagemaker_torch_processes_per_host"] == "2"
    assert several["ResourceConfig"]["InstanceCount"] == 3


def test_instances_can_be_kept_for_the_next_job():
    assert trained(machines={"warm_s": 600})["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 600


def test_a_built_in_algorithm_brings_its_own_program_and_metrics():
    image = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:1.7-1"
    request = training.request(support.planned(), NAME, algorithm_image=image)
    assert request["AlgorithmSpecification"]["TrainingImage"] == image
    assert "MetricDefinitions" not in request["AlgorithmSpecification"]
    assert "code" not in [one["ChannelName"] for one in request["InputDataConfig"]]
    assert not any(name.startswith("sagemaker_") for name in request["HyperParameters"])


def test_a_search_puts_every_range_where_its_type_belongs():
    request = tuned()
    config, definition = request["HyperParameterTuningJobConfig"], request["TrainingJobDefinition"]
    assert config["ParameterRanges"] == {
        "ContinuousParameterRanges": [
            {"Name": "learning_rate", "MinValue": "0.0001", "MaxValue": "0.1", "ScalingType": "Logarithmic"}
        ],
        "IntegerParameterRanges": [{"Name": "batch_size", "MinValue": "8", "MaxValue": "64", "ScalingType": "Auto"}],
        "CategoricalParameterRanges": [{"Name": "architecture", "Values": ["small_cnn", "resnet18"]}],
    }
    assert config["HyperParameterTuningJobObjective"] == {"Type": "Maximize", "MetricName": "validation:accuracy"}
    assert config["ResourceLimits"] == {"MaxNumberOfTrainingJobs": 6, "MaxParallelTrainingJobs": 2}
    assert config["TrainingJobEarlyStoppingType"] == "Auto"
    assert not set(support.TUNING["ranges"]) & set(definition["StaticHyperParameters"])
    assert definition["StaticHyperParameters"]["sagemaker_program"] == "train.py"


def test_hyperband_gives_a_trial_its_epochs_and_the_program_no_fewer():
    request = tuned(support.TUNING | {
        "strategy": "Hyperband", "resource": {"min": 1, "max": 27}, "early_stopping": "Off"
    })  # fmt: skip
    config = request["HyperParameterTuningJobConfig"]
    assert config["StrategyConfig"] == {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 27}}
    assert request["TrainingJobDefinition"]["StaticHyperParameters"]["epochs"] == "27"


def test_a_search_of_spot_trials_shares_no_checkpoints():
    definition = tuned(machines={"spot": True})["TrainingJobDefinition"]
    assert definition["EnableManagedSpotTraining"] is True
    assert "CheckpointConfig" not in definition


def test_a_search_can_be_given_in_place_of_the_workloads():
    search = Tuning("Random", Objective("test:loss", "Minimize"), 2, 1, {"seed": Range(min=1, max=9)})
    request = tuning.request(support.planned(), SEARCH, search=search, seed=5)
    assert request["HyperParameterTuningJobConfig"]["RandomSeed"] == 5
    assert request["HyperParameterTuningJobConfig"]["Strategy"] == "Random"
    with pytest.raises(JobError, match=r"WORKLOAD = 'vehicles': says nothing about what to search"):
        tuning.request(support.planned(), SEARCH)


def test_a_processing_job_reads_and_writes_below_its_own_folder():
    request = processed(variables={"LOG_LEVEL": "INFO"})
    assert request["AppSpecification"]["ContainerEntrypoint"] == ["python"]
    assert request["AppSpecification"]["ContainerArguments"] == ["-m", "training.monitoring", "--help"]
    assert request["ProcessingInputs"][0]["S3Input"]["LocalPath"] == "/opt/ml/processing/input/capture"
    assert (
        request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["LocalPath"] == "/opt/ml/processing/output/report"
    )
    assert request["Environment"] == {"LOG_LEVEL": "INFO"}


def test_a_transform_job_sends_whole_images_of_the_largest_size():
    request = transformed()
    assert request["MaxPayloadInMB"] == 5
    assert request["TransformInput"]["SplitType"] == "None"
    assert request["TransformOutput"]["Accept"] == "application/json"
