"""A workload's manifests: valid, in the envelope, the same every time, and honest about what is not known yet."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import ack_fixture
import pytest
import yaml

from training.errors import JobError, SpecError
from training.jobs import environment
from training.jobs.envelope import PLACES, held
from training.jobs.kubernetes import hosting, manifests, names, place, render
from training.jobs.kubernetes.__main__ import main
from training.workloads import spec

SEARCH = {
    "strategy": "Bayesian",
    "objective": {"metric": "validation:accuracy", "goal": "Maximize"},
    "max_jobs": 4,
    "max_parallel": 2,
    "early_stopping": "Auto",
    "ranges": {
        "learning_rate": {"min": 0.0001, "max": 0.1, "scaling": "Logarithmic"},
        "batch_size": {"min": 8, "max": 64},
    },
}


def vehicles(**training: Any) -> spec.Workload:
    text = (spec.WORKLOADS / "vehicles" / "workload.yaml").read_text(encoding="utf-8")
    document = yaml.safe_load(text)
    document["training"] |= training
    return spec.parse(yaml.safe_dump(document))


def made(workload: spec.Workload, where: place.Place, **changes: Any) -> dict[str, dict[str, Any]]:
    code = f"{where.environment.code_uri}/0/sourcedir.tar.gz"
    requests = manifests.requests(workload, where, manifests.kinds(workload), code=code, **changes)
    return manifests.rendered(requests, where, "ml")


def value_at(manifest: dict[str, Any], path: str) -> Any:
    value: Any = manifest["spec"]
    for part in path.split("."):
        value = value[names.field(part)]
    return value


@pytest.mark.parametrize("name", spec.names())
def test_every_workloads_manifests_are_valid(name: str) -> None:
    workload = spec.load(name)
    where = place.sketched(name)
    for kind, manifest in made(workload, where).items():
        assert ack_fixture.problems(manifest) == [], kind
        assert manifest["metadata"]["namespace"] == "ml"


def test_a_search_becomes_a_resource_with_the_whole_envelope_in_every_trial() -> None:
    found = made(vehicles(tuning=SEARCH), place.sketched("vehicles"))

    assert list(found) == ["Model", "EndpointConfig", "Endpoint", "TrainingJob", "HyperParameterTuningJob"]
    for kind in ("TrainingJob", "HyperParameterTuningJob", "Model"):
        assert ack_fixture.problems(found[kind]) == []
        for path in PLACES[f"Create{kind}"]:
            assert value_at(found[kind], path), f"{kind}.{path}"


def test_a_manifest_asks_for_what_the_request_asks_for() -> None:
    workload, where = vehicles(), place.sketched("vehicles")
    request = manifests.requests(
        workload, where, ["TrainingJob"], code=f"{where.environment.code_uri}/0/sourcedir.tar.gz"
    )["TrainingJob"]
    manifest = made(workload, where)["TrainingJob"]

    assert manifest["spec"]["hyperParameters"] == request["HyperParameters"]
    assert all(isinstance(value, str) for value in manifest["spec"]["hyperParameters"].values())
    for path, value in held("CreateTrainingJob", request).items():
        shown = value_at(manifest, path)
        if path == "Tags":
            shown = [{"Key": tag["key"], "Value": tag["value"]} for tag in shown]
        assert shown == value, path


def test_the_same_is_the_same_job_and_another_is_another() -> None:
    where = place.sketched("vehicles")
    first, again = (made(vehicles(), where)["TrainingJob"] for _ in range(2))
    instance = {"type": "ml.m5.2xlarge", "count": 1, "volume_gb": 30, "max_runtime_s": 3600}
    other = made(vehicles(instance=instance), where)["TrainingJob"]

    assert first == again
    assert other["metadata"]["name"] != first["metadata"]["name"]
    assert made(vehicles(), where, run="seven")["TrainingJob"]["spec"]["trainingJobName"].endswith("-vehicles-seven")


def test_another_model_makes_another_model_and_configuration_behind_the_same_endpoint() -> None:
    where = place.sketched("vehicles")
    promoted = {"version": "1.2", "image": where.promoted["image"], "model_data_url": "s3://m/vehicles/a/model.tar.gz"}
    before = hosting.requests(where.hosting, promoted)
    after = hosting.requests(where.hosting, promoted | {"model_data_url": "s3://m/vehicles/b/model.tar.gz"})

    assert before["Model"]["ModelName"].startswith("slipway-rehearsal-vehicles-1-2-")
    assert before["Model"]["ModelName"] != after["Model"]["ModelName"]
    assert before["EndpointConfig"]["EndpointConfigName"] != after["EndpointConfig"]["EndpointConfigName"]
    assert before["Endpoint"]["EndpointName"] == after["Endpoint"]["EndpointName"] == "slipway-rehearsal-vehicles"
    variant = after["EndpointConfig"]["ProductionVariants"][0]
    assert variant["ModelName"] == after["Model"]["ModelName"]
    assert after["Endpoint"]["EndpointConfigName"] == after["EndpointConfig"]["EndpointConfigName"]


def test_what_serves_keeps_its_keys_its_capture_and_its_alarms() -> None:
    found = made(vehicles(), place.sketched("vehicles"))
    configuration, endpoint = found["EndpointConfig"]["spec"], found["Endpoint"]["spec"]

    assert configuration["kmsKeyID"].endswith("key_arns/model")
    assert configuration["dataCaptureConfig"]["kmsKeyID"].endswith("key_arns/data")
    assert configuration["dataCaptureConfig"]["enableCapture"] is True
    alarms = endpoint["deploymentConfig"]["autoRollbackConfiguration"]["alarms"]
    assert [alarm["alarmName"].removeprefix("slipway-rehearsal-vehicles-") for alarm in alarms] == [
        "5xx",
        "latency-p99",
    ]


@pytest.mark.parametrize(
    ("rollout", "seconds", "size"),
    [
        ({"type": "ALL_AT_ONCE", "bake_s": 60}, 60 + 120 + 1800, {}),
        ({"type": "CANARY", "bake_s": 60, "step_percent": 20}, 120 + 120 + 1800, {"CanarySize": 20}),
        ({"type": "LINEAR", "bake_s": 60, "step_percent": 30}, 240 + 120 + 1800, {"LinearStepSize": 30}),
    ],
)
def test_rollouts_have_the_time_that_their_steps_take(
    rollout: dict[str, Any], seconds: int, size: dict[str, int]
) -> None:
    policy = hosting.deployment("e", rollout)["BlueGreenUpdatePolicy"]
    routing = policy["TrafficRoutingConfiguration"]

    assert policy["MaximumExecutionTimeoutInSeconds"] == seconds
    assert {key: routing[key]["Value"] for key in routing if key.endswith("Size")} == size


def test_in_production_deleting_a_resource_takes_nothing_down() -> None:
    where = place.sketched("vehicles", "prod")
    policies = {
        kind: manifest["metadata"]["annotations"]["services.k8s.aws/deletion-policy"]
        for kind, manifest in made(vehicles(), where).items()
    }

    assert policies == {"Model": "retain", "EndpointConfig": "retain", "Endpoint": "retain", "TrainingJob": "delete"}


def test_every_stand_in_of_a_sketch_is_told() -> None:
    where = place.sketched("vehicles")
    for manifest in made(vehicles(), where).values():
        text = manifests.text(manifest, where)
        comments = [line for line in text.splitlines() if line.startswith("#")]
        body = yaml.safe_load(text)
        assert body == manifest
        for value in where.open_values:
            assert (value in yaml.safe_dump(body)) == any(value in line for line in comments)


def test_an_applied_environment_leaves_nothing_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sketch = place.sketched("vehicles")
    known = {name: getattr(sketch.environment, name) for name in sketch.environment.__dataclass_fields__}
    facts = known | {
        "subnet_ids": ["subnet-1", "subnet-2"],
        "security_group_ids": ["sg-1", "sg-2"],
        "output_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1",
        "volume_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1",
    }
    outputs = {
        environment.OUTPUT: {"vehicles": facts},
        "key_arns": {"data": "arn:aws:kms:eu-west-1:123456789012:key/2", "model": facts["output_key_arn"]},
        "security_group_ids": {"endpoint": "sg-3"},
    }
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps(outputs), encoding="utf-8")
    promoted = {"version": "7", "image": sketch.promoted["image"], "model_data_url": "s3://m/vehicles/a/model.tar.gz"}
    monkeypatch.setattr(place, "_promoted", lambda _: {"vehicles": promoted})

    assert (
        main(
            [
                "manifests",
                "--workload",
                "vehicles",
                "--env",
                "rehearsal",
                "--outputs",
                str(file),
                "--out",
                str(tmp_path),
            ]
        )
        == 0
    )

    written = sorted((tmp_path / "vehicles").glob("*.yaml"))
    assert len(written) == 4
    for path in written:
        text = path.read_text(encoding="utf-8")
        assert place.OPEN not in text
        assert not text.startswith("#")
        assert ack_fixture.problems(yaml.safe_load(text)) == []


def test_a_manifest_that_is_no_longer_made_does_not_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["manifests", "--workload", "vehicles", "--out", str(tmp_path)]
    assert main(common) == 0
    assert main([*common, "--kind", "TrainingJob", "--namespace", "team-a"]) == 0

    assert [path.name for path in (tmp_path / "vehicles").iterdir()] == ["trainingjob.yaml"]
    said = capsys.readouterr().out
    assert "TrainingJob slipway-rehearsal-vehicles-" in said
    assert "FROM-TERRAFORM-subnet-1: output subnet_ids" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--workload", "trains"], "workload = 'trains': no workload.yaml for it"),
        (["--workload", "vehicles", "--env", "moon"], "ENV = 'moon': name one of"),
        (["--workload", "vehicles", "--namespace", "Team_A"], "namespace = 'Team_A'"),
        (["--workload", "vehicles", "--code", "s3://elsewhere/sourcedir.tar.gz"], "the role reads no other"),
        (["--workload", "vehicles", "--run", "a b"], "TrainingJobName"),
        (["--workload", "vehicles", "--env", "dev", "--outputs", "/nowhere.json"], "OUTPUTS = '/nowhere.json'"),
    ],
)
def test_mistakes_are_told_with_field_value_and_remedy(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["manifests", *arguments, "--out", str(tmp_path)]) == 2
    assert says in capsys.readouterr().err
    assert list(tmp_path.rglob("*.yaml")) == []


def test_names_that_grow_too_long_are_refused() -> None:
    where = place.sketched("vehicles")
    with pytest.raises(SpecError, match="SageMaker takes 63"):
        hosting.requests(where.hosting, dict(where.promoted) | {"version": "1." * 20})


def test_a_workload_that_the_environment_lacks_is_refused() -> None:
    with pytest.raises(JobError, match="is no workload of prod, which has vehicles"):
        place.sketched("trains", "prod")


def test_rendering_changes_no_request() -> None:
    where = place.sketched("vehicles")
    requests = manifests.requests(
        vehicles(), where, render.KINDS[:4], code=f"{where.environment.code_uri}/0/sourcedir.tar.gz"
    )
    before = copy.deepcopy(requests)
    manifests.rendered(requests, where, "ml")
    assert requests == before
