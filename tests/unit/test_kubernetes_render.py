"""Requests become the controller's resources: every name as its definitions have it, nothing lost, nothing unknown."""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import Any

import ack_fixture
import botocore.session
import pytest

from training.errors import SpecError
from training.jobs.kubernetes import names, render

ROLE = "arn:aws:iam::123456789012:role/slipway-prod-dogs-training"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
JOB: dict[str, Any] = {
    "TrainingJobName": "Slipway-prod-dogs-1",
    "RoleArn": ROLE,
    "AlgorithmSpecification": {"TrainingImage": "image@sha256:0", "TrainingInputMode": "File"},
    "HyperParameters": {"learning_rate": "0.01", "sagemaker_program": "train.py"},
    "InputDataConfig": [
        {
            "ChannelName": "train",
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/train/"}},
        }
    ],
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/artifacts", "KmsKeyId": KEY},
    "ResourceConfig": {
        "InstanceCount": 1,
        "InstanceType": "ml.m5.xlarge",
        "VolumeSizeInGB": 30,
        "VolumeKmsKeyId": KEY,
    },
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]},
    "EnableNetworkIsolation": True,
    "EnableInterContainerTrafficEncryption": True,
    "Tags": [{"Key": "owner", "Value": "ml"}],
}


def rendered(kind: str = "TrainingJob", request: dict[str, Any] = JOB, **changes: Any) -> dict[str, Any]:
    return render.manifest(kind, request, namespace="ml", region="eu-west-1", keep=False, **changes)


@pytest.mark.parametrize("kind", render.KINDS)
def test_every_field_the_api_and_the_controller_share_has_the_controllers_name(kind: str) -> None:
    """Field by field: each member of the API is in the definition under the derived name, or known to be absent."""
    absent: dict[str, set[str]] = defaultdict(set)
    derived: set[str] = set()

    def walk(tree: Any, shape: Any, path: str) -> None:
        if shape.type_name == "structure":
            for member, inner in shape.members.items():
                name = names.field(member)
                known = tree.get(name, tree.get(f"!{name}"))
                if known is None:
                    absent[shape.name].add(member)
                else:
                    derived.add(f"{path}.{name}")
                    walk(known, inner, f"{path}.{name}")
        elif shape.type_name == "list":
            walk(tree[0], shape.member, f"{path}[]")
        elif shape.type_name == "map":
            walk(tree["*"], shape.value, f"{path}.*")

    def listed(tree: Any, path: str) -> set[str]:
        if isinstance(tree, list):
            return listed(tree[0], f"{path}[]")
        if not isinstance(tree, dict) or "*" in tree:
            return set()
        own = {f"{path}.{name.removeprefix('!')}" for name in tree}
        return own.union(*(listed(inner, f"{path}.{name.removeprefix('!')}") for name, inner in tree.items()))

    walk(ack_fixture.KINDS[kind], render.operation_input(kind), kind)

    assert derived == listed(ack_fixture.KINDS[kind], kind)
    for shape, members in absent.items():
        assert render.ABSENT.get(shape) == members, f"{shape}: renew ABSENT in render.py"


def test_nothing_is_called_absent_that_no_resource_holds() -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    for shape, members in render.ABSENT.items():
        assert members <= set(model.shape_for(shape).members), shape


@pytest.mark.parametrize(
    ("member", "field"),
    [
        ("VolumeKmsKeyId", "volumeKMSKeyID"),
        ("SecurityGroupIds", "securityGroupIDs"),
        ("S3Uri", "s3URI"),
        ("ModelDataUrl", "modelDataURL"),
        ("EnableSSMAccess", "enableSSMAccess"),
        ("InferenceAmiVersion", "inferenceAMIVersion"),
        ("Type", "type_"),
        ("VolumeSizeInGB", "volumeSizeInGB"),
    ],
)
def test_names_follow_gos_initialisms(member: str, field: str) -> None:
    assert names.field(member) == field


def test_a_training_job_is_valid_and_carries_the_whole_envelope() -> None:
    manifest = rendered()

    assert ack_fixture.problems(manifest) == []
    assert manifest["metadata"]["name"] == "slipway-prod-dogs-1"
    assert manifest["metadata"]["annotations"] == {
        "services.k8s.aws/region": "eu-west-1",
        "services.k8s.aws/deletion-policy": "delete",
    }
    spec = manifest["spec"]
    assert spec["trainingJobName"] == "Slipway-prod-dogs-1"
    assert spec["vpcConfig"] == {"securityGroupIDs": ["sg-1"], "subnets": ["subnet-1", "subnet-2"]}
    assert spec["enableNetworkIsolation"] is True
    assert spec["enableInterContainerTrafficEncryption"] is True
    assert spec["resourceConfig"]["volumeKMSKeyID"] == KEY
    assert spec["outputDataConfig"]["kmsKeyID"] == KEY
    assert spec["stoppingCondition"] == {"maxRuntimeInSeconds": 3600}
    assert spec["hyperParameters"] == JOB["HyperParameters"]
    assert spec["tags"] == [{"key": "owner", "value": "ml"}]


def test_what_a_manifest_says_is_what_the_request_said() -> None:
    """Read back with the names turned round, the spec is the request."""
    shape = render.operation_input("TrainingJob")

    def back(value: Any, shape: Any) -> Any:
        if shape.type_name == "structure":
            members = {names.field(member): member for member in shape.members}
            return {members[name]: back(inner, shape.members[members[name]]) for name, inner in value.items()}
        return [back(item, shape.member) for item in value] if shape.type_name == "list" else value

    assert back(rendered()["spec"], shape) == JOB


def test_the_check_itself_refuses_what_a_cluster_would_refuse() -> None:
    manifest = rendered()
    manifest["spec"]["roleArn"] = manifest["spec"].pop("roleARN")
    manifest["spec"]["resourceConfig"]["instanceCount"] = "1"

    found = " ".join(ack_fixture.problems(manifest))

    assert "'roleArn' was unexpected" in found
    assert "'roleARN' is a required property" in found
    assert "'1' is not of type 'integer'" in found


def test_what_the_controller_lacks_is_refused_and_not_dropped() -> None:
    request = {**JOB, "AlgorithmSpecification": JOB["AlgorithmSpecification"] | {"ContainerEntrypoint": ["python"]}}
    with pytest.raises(SpecError, match=r"TrainingJob\.AlgorithmSpecification\.ContainerEntrypoint.*no field for it"):
        rendered(request=request)


def test_the_search_of_hyperband_has_no_place_in_a_manifest() -> None:
    request = {
        "HyperParameterTuningJobName": "dogs",
        "HyperParameterTuningJobConfig": {
            "Strategy": "Hyperband",
            "StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 9}},
            "ResourceLimits": {"MaxParallelTrainingJobs": 2},
        },
    }
    with pytest.raises(SpecError, match=r"HyperParameterTuningJobConfig\.StrategyConfig"):
        rendered("HyperParameterTuningJob", request)


def test_what_sagemaker_would_not_take_is_refused_with_its_reason() -> None:
    request = copy.deepcopy(JOB)
    request["ResourceConfig"]["InstanceCount"] = "1"
    request["Colour"] = "blue"
    with pytest.raises(
        SpecError,
        match=r"Unknown parameter in input: \"Colour\".*Invalid type for parameter ResourceConfig\.InstanceCount",
    ):
        rendered(request=request)
    with pytest.raises(SpecError, match=r'Missing required parameter in input: "RoleArn"'):
        rendered(request={"TrainingJobName": "a"})


@pytest.mark.parametrize("name", ["", "-a", "a_b", "a-", "ä", "a" * 254])
def test_names_kubernetes_does_not_take_are_refused(name: str) -> None:
    with pytest.raises(SpecError, match=r"metadata\.name"):
        names.resource(name)


@pytest.mark.parametrize("name", ["", "ML", "a.b", "a" * 64])
def test_namespaces_kubernetes_does_not_take_are_refused(name: str) -> None:
    with pytest.raises(SpecError, match="namespace"):
        names.namespace(name)


def test_an_unknown_kind_is_named_with_those_there_are() -> None:
    with pytest.raises(SpecError, match=r"Pipeline.*must be one of Model, EndpointConfig"):
        rendered("Pipeline", {})
