"""Requests that AWS would refuse are refused before they are sent, with field, value and remedy."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit import jobs_support as support
from tests.unit.test_jobs_requests import NAME, modelled, processed, trained, transformed, tuned
from training.errors import JobError
from training.jobs import client, plan, rules, shapes

Change = Callable[[dict[str, Any]], Any]


def refused(operation: str, request: dict[str, Any], change: Change, says: str) -> None:
    """Given a good request, when something in it changes, then the rules refuse it in these words."""
    rules.check(operation, request)
    worse = copy.deepcopy(request)
    change(worse)
    with pytest.raises(JobError, match=says) as raised:
        rules.check(operation, worse)
    assert raised.value.remedy


def channel(request: dict[str, Any]) -> dict[str, Any]:
    return request["InputDataConfig"][0]


def augmented(request: dict[str, Any]) -> None:
    channel(request)["DataSource"]["S3DataSource"] |= {"S3DataType": "AugmentedManifestFile", "AttributeNames": ["a"]}


TRAINING: dict[str, tuple[Change, str]] = {
    "warm spot": (
        lambda r: (
            r.update(EnableManagedSpotTraining=True),
            r["StoppingCondition"].update(MaxWaitTimeInSeconds=7200),
            r["ResourceConfig"].update(KeepAlivePeriodInSeconds=60),
        ),
        r"KeepAlivePeriodInSeconds = 60: spot",
    ),
    "kept too long": (
        lambda r: r["ResourceConfig"].update(KeepAlivePeriodInSeconds=3601),
        r"= 3601: must be at most 3600",
    ),
    "spot that does not wait": (
        lambda r: r.update(EnableManagedSpotTraining=True),
        r"MaxWaitTimeInSeconds = None: spot needs it",
    ),
    "a wait without spot": (
        lambda r: r["StoppingCondition"].update(MaxWaitTimeInSeconds=9999),
        r"MaxWaitTimeInSeconds = 9999: goes with spot alone",
    ),
    "a wait shorter than the run": (
        lambda r: (
            r.update(EnableManagedSpotTraining=True),
            r["StoppingCondition"].update(MaxWaitTimeInSeconds=3599),
        ),
        r"= 3599: must be at least MaxRuntimeInSeconds, 3600",
    ),
    "a run of a month": (
        lambda r: r["StoppingCondition"].update(MaxRuntimeInSeconds=2_419_201),
        r"2419201: must be at most 2419200",
    ),
    "a volume's key on local storage": (
        lambda r: r["ResourceConfig"].update(InstanceType="ml.g5.xlarge"),
        r"'ml.g5.xlarge': has local storage",
    ),
    "an instance that there is not": (
        lambda r: r["ResourceConfig"].update(InstanceType="ml.m5.tiny"),
        r"'ml.m5.tiny': must be one of ml.m5",
    ),
    "no instance": (lambda r: r["ResourceConfig"].update(InstanceCount=0), r"InstanceCount = 0: must be at least 1"),
    "no volume": (lambda r: r["ResourceConfig"].update(VolumeSizeInGB=0), r"VolumeSizeInGB = 0"),
    "an augmented manifest as files": (augmented, r"InputMode = 'File': an augmented manifest is streamed only"),
    "an augmented manifest without frames": (
        lambda r: (augmented(r), channel(r).update(InputMode="Pipe")),
        r"RecordWrapperType = 'None': images run into each other",
    ),
    "an augmented manifest of nothing": (
        lambda r: (
            augmented(r),
            channel(r).update(InputMode="Pipe", RecordWrapperType="RecordIO"),
            channel(r)["DataSource"]["S3DataSource"].update(AttributeNames=[]),
        ),
        r"AttributeNames = None: name what",
    ),
    "attributes of files": (
        lambda r: channel(r)["DataSource"]["S3DataSource"].update(AttributeNames=["a"]),
        r"only an augmented manifest has them",
    ),
    "frames around files": (
        lambda r: channel(r).update(RecordWrapperType="RecordIO"),
        r"'RecordIO': goes with Pipe alone, not with File",
    ),
    "a channel twice": (
        lambda r: r["InputDataConfig"].append(channel(r)),
        r"names a channel twice",
    ),
    "21 channels": (
        lambda r: r["InputDataConfig"].extend(channel(r) | {"ChannelName": f"more-{number}"} for number in range(17)),
        r"must have at most 20 entries; it has 21",
    ),
    "a misspelt member": (lambda r: r.update(EnableNetworkIsolatoin=True), r"Unknown parameter in input"),
    "a number as text": (lambda r: r["ResourceConfig"].update(InstanceCount="1"), r"Invalid type for parameter"),
    "an underscore in the name": (lambda r: r.update(TrainingJobName="a_b"), r"TrainingJobName = 'a_b': must match"),
    "no isolation": (lambda r: r.update(EnableNetworkIsolation=False), r"envelope = \['EnableNetworkIsolation'\]"),
    "no key": (lambda r: r["OutputDataConfig"].pop("KmsKeyId"), r"envelope = \['OutputDataConfig.KmsKeyId'\]"),
    "no tags": (lambda r: r.update(Tags=[]), r"envelope = \['Tags'\]"),
}


@pytest.mark.parametrize("case", TRAINING)
def test_a_training_job_is_refused(case: str):
    refused("CreateTrainingJob", trained(), *TRAINING[case])


def config(request: dict[str, Any]) -> dict[str, Any]:
    return request["HyperParameterTuningJobConfig"]


def number(request: dict[str, Any]) -> dict[str, Any]:
    return config(request)["ParameterRanges"]["ContinuousParameterRanges"][0]


HYPERBAND = {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 9}}

TUNING: dict[str, tuple[Change, str]] = {
    "too many trials": (
        lambda r: config(r)["ResourceLimits"].update(MaxNumberOfTrainingJobs=751),
        r"MaxNumberOfTrainingJobs = 751: Bayesian takes at most 750",
    ),
    "more at once than in all": (
        lambda r: config(r)["ResourceLimits"].update(MaxParallelTrainingJobs=7),
        r"MaxParallelTrainingJobs = 7: must be at most 6",
    ),
    "epochs for another strategy": (lambda r: config(r).update(StrategyConfig=HYPERBAND), r"goes with Hyperband"),
    "Hyperband without epochs": (lambda r: config(r).update(Strategy="Hyperband"), r"say how many epochs"),
    "Hyperband that stops early as well": (
        lambda r: config(r).update(Strategy="Hyperband", StrategyConfig=HYPERBAND),
        r"TrainingJobEarlyStoppingType = 'Auto': must be Off",
    ),
    "Hyperband with one length": (
        lambda r: config(r).update(
            Strategy="Hyperband",
            TrainingJobEarlyStoppingType="Off",
            StrategyConfig={"HyperbandStrategyConfig": {"MinResource": 9, "MaxResource": 9}},
        ),
        r"min must be below max",
    ),
    "an objective that nobody reports": (
        lambda r: config(r)["HyperParameterTuningJobObjective"].update(MetricName="f2"),
        r"MetricName = 'f2': must be one of train:loss",
    ),
    "more metrics than a search takes": (
        lambda r: r["TrainingJobDefinition"]["AlgorithmSpecification"]["MetricDefinitions"].extend(
            {"Name": f"m{index}", "Regex": "(.)"} for index in range(15)
        ),
        r"MetricDefinitions = 21: a tuning job takes at most 20",
    ),
    "nothing to search": (
        lambda r: config(r).update(ParameterRanges={}),
        r"ParameterRanges = 0: search 1 to 30",
    ),
    "too much to search": (
        lambda r: config(r)["ParameterRanges"]["CategoricalParameterRanges"][0].update(
            Values=[f"v{index}" for index in range(30)]
        ),
        r"ParameterRanges = 32: search 1 to 30; every value",
    ),
    "a range that stands on its head": (
        lambda r: number(r).update(MinValue="0.2"),
        r"learning_rate.MinValue = 0.2: must not be above MaxValue, 0.1",
    ),
    "a logarithm of nothing": (
        lambda r: number(r).update(MinValue="0"),
        r"= 0.0: a logarithmic scale begins above 0",
    ),
    "a reverse logarithm of one": (
        lambda r: number(r).update(ScalingType="ReverseLogarithmic", MaxValue="1"),
        r"lies within 0 <= x < 1",
    ),
    "a searched value that is set as well": (
        lambda r: r["TrainingJobDefinition"]["StaticHyperParameters"].update(learning_rate="0.1"),
        r"StaticHyperParameters.learning_rate = '0.1': is searched",
    ),
    "a trial on local storage": (
        lambda r: r["TrainingJobDefinition"]["ResourceConfig"].update(InstanceType="ml.p4d.24xlarge"),
        r"TrainingJobDefinition.ResourceConfig.InstanceType = 'ml.p4d.24xlarge'",
    ),
    "a trial with a way out": (
        lambda r: r["TrainingJobDefinition"].pop("VpcConfig"),
        r"TrainingJobDefinition.VpcConfig.SecurityGroupIds",
    ),
    "a name of 33 characters": (
        lambda r: r.update(HyperParameterTuningJobName="a" * 33),
        r"must have at most 32 characters; it has 33",
    ),
}


@pytest.mark.parametrize("case", TUNING)
def test_a_tuning_job_is_refused(case: str):
    refused("CreateHyperParameterTuningJob", tuned(), *TUNING[case])


def test_a_processing_job_is_refused():
    def outside(request: dict[str, Any]) -> None:
        request["ProcessingInputs"][0]["S3Input"]["LocalPath"] = "/tmp/in"

    def local(request: dict[str, Any]) -> None:
        request["ProcessingResources"]["ClusterConfig"]["InstanceType"] = "ml.g5.xlarge"

    refused("CreateProcessingJob", processed(), outside, r"capture.LocalPath = '/tmp/in': must lie below")
    refused("CreateProcessingJob", processed(), local, r"'ml.g5.xlarge': has local storage")
    refused("CreateProcessingJob", processed(), lambda r: r.pop("NetworkConfig"), r"NetworkConfig.EnableNetworkIso")


def test_a_transform_job_is_refused():
    def crowded(request: dict[str, Any]) -> None:
        request.update(MaxConcurrentTransforms=30)

    refused("CreateTransformJob", transformed(), crowded, r"MaxPayloadInMB = 5: times MaxConcurrentTransforms, 30")
    refused(
        "CreateTransformJob", transformed(), lambda r: r.update(BatchStrategy="MultiRecord"), r"only where SplitType"
    )
    refused(
        "CreateTransformJob",
        transformed(),
        lambda r: r["TransformResources"].update(InstanceType="ml.g4dn.xlarge"),
        r"has local storage",
    )
    refused("CreateModel", modelled(), lambda r: r.pop("PrimaryContainer"), r"say which image serves")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("job-1", f"must begin with {support.NAME}-"),
        (f"{support.NAME}-", "and go on"),
        (f"{support.NAME}-{'x' * 60}", r"has 81 characters, AWS takes 63"),
    ],
)
def test_a_name_that_the_roles_do_not_know_is_refused(name: str, says: str):
    with pytest.raises(JobError, match=says):
        rules.demand_name("job name", name, support.MADE["job_name_prefix"], 63)


def test_code_from_elsewhere_is_refused():
    with pytest.raises(JobError, match=r"code = 's3://elsewhere/sourcedir.tar.gz': must be s3://slipway-dev"):
        support.planned(code="s3://elsewhere/sourcedir.tar.gz")


def test_an_instance_type_off_the_list_needs_a_reason_in_the_settings():
    with pytest.raises(JobError, match=r"instance type = 'ml.r5.24xlarge'.*loosened.instance_types"):
        support.planned(machines={"type": "ml.r5.24xlarge"})
    with pytest.raises(JobError, match=r"Did you mean ml.m5.xlarge\?"):
        support.planned(machines={"type": "ml.m5.xlagre"})
    where = support.place()
    object.__setattr__(where, "any_instance", True)
    assert support.planned(where=where, machines={"type": "ml.r5.24xlarge"}).machines.type == "ml.r5.24xlarge"
    assert "ml.m5.xlarge" in plan.listed_types("training")
    assert "ml.inf2.xlarge" in plan.listed_types("endpoint")


def test_nothing_is_sent_that_the_rules_refuse():
    class Sagemaker:
        def create_training_job(self, **_: Any) -> None:
            raise AssertionError("it was sent")

    request = trained()
    request["EnableNetworkIsolation"] = False
    with pytest.raises(JobError, match="envelope"):
        client.send(Sagemaker(), "CreateTrainingJob", request)


def test_the_models_own_limits_are_seen_at_any_depth():
    shape = shapes.model().operation_model("CreateTrainingJob").input_shape
    request = trained() | {
        "HyperParameters": {"x" * 257: "1"},
        "TrainingJobName": NAME,
        "Environment": {"A": "b" * 600},
    }
    found = {path for path, _, _ in shapes.violations(shape, request)}
    assert found == {"HyperParameters", "Environment.A"}
    assert list(shapes.violations(shape, trained())) == []
