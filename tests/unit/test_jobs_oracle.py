"""The SageMaker SDK as the reference: its training request holds nothing that ours lacks, and its images are those
of the lock."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit import jobs_support as support
from tests.unit.test_jobs_requests import NAME
from training.errors import JobError
from training.jobs import envelope, image_lock, images, training
from training.jobs.plan import Plan

AUGMENTED: dict[str, Any] = {
    "prefix": "vehicles/dataset/train.manifest",
    "content_type": "application/x-recordio",
    "data_type": "AugmentedManifestFile",
    "attributes": ["source-ref", "class"],
    "input_mode": "Pipe",
    "record_wrapper": "RecordIO",
    "distribution": "ShardedByS3Key",
    "shuffle_seed": 7,
}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "as it is": ({}, {}),
    "spot": ({}, {"machines": {"spot": True}}),
    "several warm instances": ({"processes_per_instance": 2}, {"machines": {"count": 3, "warm_s": 600}}),
    "a streamed manifest": ({"channels": {"train": AUGMENTED}}, {}),
}


def facts(plan: Plan) -> dict[str, Any]:
    """The same job in the terms of the SDK's own classes."""
    where, machines = plan.environment, plan.machines
    given = {
        "region": where.region,
        "role": where.role_arn,
        "image": where.image,
        "subnets": list(where.subnet_ids),
        "security_groups": list(where.security_group_ids),
        "volume_key": where.volume_key_arn,
        "output_key": where.output_key_arn,
        "output": where.artifact_uri,
        "tags": where.tags,
        "instance_type": machines.type,
        "instance_count": machines.count,
        "volume_gb": machines.volume_gb,
        "max_runtime_s": machines.max_runtime_s,
        "max_wait_s": machines.max_wait_s,
        "spot": machines.spot,
        "warm_s": machines.warm_s or None,
        "checkpoint_uri": f"{where.checkpoint_uri}/{NAME}" if machines.spot else None,
        "hyperparameters": plan.hyperparameters | training.toolkit(plan),
        "metrics": [(metric.name, metric.regex) for metric in plan.workload.training.metrics],
        "channels": [channel(one) for one in training.channels(plan)],
    }
    return {name: value for name, value in given.items() if value is not None}


def channel(one: dict[str, Any]) -> dict[str, Any]:
    source = one["DataSource"]["S3DataSource"]
    given = {
        "name": one["ChannelName"],
        "content_type": one.get("ContentType"),
        "input_mode": one["InputMode"],
        "record_wrapper": one.get("RecordWrapperType"),
        "shuffle_seed": one.get("ShuffleConfig", {}).get("Seed"),
        "data_type": source["S3DataType"],
        "uri": source["S3Uri"],
        "distribution": source["S3DataDistributionType"],
        "attributes": source.get("AttributeNames"),
    }
    return {name: value for name, value in given.items() if value is not None}


def lacking(theirs: Any, ours: Any, path: str = "") -> list[str]:
    """Paths at which the SDK says something that we do not say."""
    if isinstance(theirs, dict):
        return [
            found
            for name, value in theirs.items()
            for found in lacking(value, ours.get(name) if isinstance(ours, dict) else None, f"{path}.{name}")
        ]
    if isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        return [
            found
            for index, (one, other) in enumerate(zip(ordered(theirs), ordered(ours), strict=True))
            for found in lacking(one, other, f"{path}[{index}]")
        ]
    return [] if theirs == ours else [f"{path}: {theirs!r}, not {ours!r}"]


def ordered(items: list[Any]) -> list[Any]:
    """Tags, channels and metrics in an order; anything else as it stands."""
    for key in ("Key", "ChannelName", "Name"):
        if items and isinstance(items[0], dict) and key in items[0]:
            return sorted(items, key=lambda item: item[key])
    return items


@pytest.fixture(scope="module")
def sent(sdk: None) -> dict[str, dict[str, Any]]:
    """What ModelTrainer sends, by case; in one process, as the SDK takes seconds to import."""
    wanted = {case: facts(planned(case)) for case in CASES}
    wanted["a search"] = wanted["as it is"] | {"searched": ["learning_rate", 0.001, 0.1]}
    return dict(zip(wanted, image_lock.ask("trainer", list(wanted.values())), strict=True))


def planned(case: str) -> Plan:
    changes, wanted = CASES[case]
    return support.planned(support.workload(**changes), **wanted)


@pytest.mark.slow
@pytest.mark.sdk
@pytest.mark.parametrize("case", CASES)
def test_our_request_carries_all_that_model_trainer_sends(case: str, sent: dict[str, dict[str, Any]]):
    ours, theirs = training.request(planned(case), NAME), sent[case]
    assert theirs.pop("TrainingJobName").startswith("job-")
    # The SDK writes its own hyperparameters in JSON, a second time; script mode undoes it.
    theirs["HyperParameters"] = {name: value.strip('"') for name, value in theirs["HyperParameters"].items()}
    assert lacking(theirs, ours) == []


@pytest.mark.slow
@pytest.mark.sdk
def test_the_sdks_tuner_still_opens_the_envelope(sent: dict[str, dict[str, Any]]):
    """The reason for requests of our own (ADR 16): once this fails, think again."""
    lost = {
        *(
            "TrainingJobDefinition.EnableInterContainerTrafficEncryption",
            "TrainingJobDefinition.EnableNetworkIsolation",
        ),
        "TrainingJobDefinition.ResourceConfig.VolumeKmsKeyId",
    }
    assert lost <= set(envelope.holes("CreateHyperParameterTuningJob", sent["a search"]))


@pytest.mark.slow
@pytest.mark.sdk
def test_the_lock_is_what_the_sdk_says(sdk: None):
    assert images.LOCK.read_text() == image_lock.fresh(), "stale: make images"


def test_a_difference_would_be_seen():
    assert lacking({"a": {"b": 1}, "c": [1]}, {"a": {}, "c": [1, 2]}) == [".a.b: 1, not None", ".c: [1], not [1, 2]"]
    assert lacking({"Tags": [{"Key": "b"}, {"Key": "a"}]}, {"Tags": [{"Key": "a"}, {"Key": "b"}]}) == []


def test_an_image_is_found_by_region_and_name():
    uri = images.uri("eu-west-1", "xgboost:1.7-1")
    assert uri == "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:1.7-1"
    with pytest.raises(JobError, match=r"region = 'mars-1': is not in images\.lock\.json, which has ap-northeast-1"):
        images.uri("mars-1", "xgboost:1.7-1")
    with pytest.raises(JobError, match=r"image = 'xgboost': is none of those in eu-west-1: image-classification:1"):
        images.uri("eu-west-1", "xgboost")


def test_every_image_is_there_in_every_region():
    for region in image_lock.REGIONS:
        for name in image_lock.WANTED:
            assert f".{region}." in images.uri(region, name)
