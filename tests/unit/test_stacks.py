"""What the stacks compose: names, grants, references and agreement with workloads and functions."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from terraform.stacks import instances, synth
from terraform.stacks.agreement import disagreements, overlaps
from terraform.stacks.grants import Surroundings, environment_of, statements_of
from terraform.stacks.modules import without_none
from terraform.stacks.names import Names
from terraform.stacks.settings import Settings, SettingsError, load_settings
from terraform.stacks.settings.yaml_file import read_yaml
from terraform.stacks.specs import FunctionSpec, Specs, read_specs
from terraform.stacks.workload import hyperparameter_text

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ("dev", "prod", "rehearsal", "staging")
MODULES = ROOT / "terraform" / "modules"


def composed(environment: str) -> dict[str, Any]:
    """The committed file; tests/terraform/test_synth.py proves that it is what the stacks compose."""
    return json.loads((ROOT / "terraform" / "environments" / environment / "main.tf.json").read_text())


def settings_of(environment: str) -> Settings:
    return load_settings(ROOT / "terraform" / "environments" / environment / "settings.yaml")


def modules_of(environment: str) -> dict[str, dict[str, Any]]:
    return composed(environment)["module"]


def declared_variables(module: str) -> dict[str, bool]:
    """Variables of a module, and whether each must be given."""
    text = (MODULES / module / "variables.tf").read_text()
    blocks = re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', text, re.DOTALL | re.MULTILINE)
    return {name: not re.search(r"^  default\s*=", body, re.MULTILINE) for name, body in blocks}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_module_is_given_its_required_variables_and_no_unknown_one(environment: str) -> None:
    for name, block in modules_of(environment).items():
        declared = declared_variables(block["source"].rsplit("/", 1)[1])
        given = set(block) - {"source", "count"}
        assert given <= set(declared), f"{environment}.{name} is given what its module does not declare"
        required = {variable for variable, must in declared.items() if must}
        assert required <= given, f"{environment}.{name} lacks what its module requires"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_reference_points_at_a_module_and_an_output_that_exist(environment: str) -> None:
    document = composed(environment)
    references = set(re.findall(r"module\.(\w+)(?:\[\*\])?\.(\w+)", json.dumps(document)))
    assert references
    for name, output in references:
        module = document["module"][name]["source"].rsplit("/", 1)[1]
        outputs = (MODULES / module / "outputs.tf").read_text()
        assert f'output "{output}"' in outputs, f"module.{name}.{output}"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_account_ids_come_from_the_settings_alone(environment: str) -> None:
    text = json.dumps(composed(environment))
    assert set(re.findall(r"(?<!\d)\d{12}(?!\d)", text)) == {settings_of(environment).account_id}
    for source in (ROOT / "terraform" / "stacks").rglob("*.py"):
        assert not re.search(r"(?<!\d)\d{12}(?!\d)", source.read_text()), source


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_provider_differs_in_account_owner_and_region_only(environment: str) -> None:
    settings = settings_of(environment)
    (provider,) = composed(environment)["provider"]["aws"]
    assert provider == {
        "region": settings.region,
        "allowed_account_ids": [settings.account_id],
        "default_tags": [
            {
                "tags": {
                    "environment": environment,
                    "managed-by": "terraform",
                    "owner": settings.owner,
                    "project": "slipway",
                }
            }
        ],
    }


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_shared_state_is_encrypted_and_locked(environment: str) -> None:
    backend = composed(environment)["terraform"]["backend"]["s3"]
    assert backend["encrypt"] is True
    assert backend["use_lockfile"] is True
    assert backend["kms_key_id"]
    assert "dynamodb_table" not in backend


def test_the_rehearsal_is_production_in_small() -> None:
    rehearsal, prod = modules_of("rehearsal"), modules_of("prod")
    assert {block["source"] for block in prod.values()} <= {block["source"] for block in rehearsal.values()}
    assert rehearsal["vehicles_endpoint"]["rollout"]["type"] == prod["vehicles_endpoint"]["rollout"]["type"]
    assert rehearsal["vehicles_endpoint"]["scaling"]["min"] >= 2
    assert rehearsal["vehicles_classify_image"]["concurrency"]["provisioned"]["min"] >= 1


def test_only_loosened_environments_may_lose_data_with_their_buckets() -> None:
    for environment in ENVIRONMENTS:
        allowed = settings_of(environment).loosened.force_destroy is not None
        for name in ("data_bucket", "models_bucket", "logs_bucket"):
            assert modules_of(environment)[name]["force_destroy"] is allowed


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_data_is_reached_through_the_vpc_or_by_named_roles_with_a_reason(environment: str) -> None:
    modules = modules_of(environment)
    for purpose in ("data", "models", "logs"):
        bucket = modules[f"{purpose}_bucket"]
        assert bucket["vpc_endpoint_ids"] == ["${module.network.s3_endpoint_id}"]
        assert all(len(entry["reason"]) >= 20 for entry in bucket["outside_access"])
        assert f"arn:aws:s3:::{bucket['name']}" in modules["network"]["bucket_arns"]
    outside = {entry["name"]: entry["principal_arns"] for entry in modules["data_bucket"]["outside_access"]}
    role = f"slipway-{environment}-vehicles-classify"
    assert outside["vehicles-workflow"] == [f"arn:aws:iam::{settings_of(environment).account_id}:role/{role}"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_operators_reach_data_and_models_from_outside_and_the_pipeline_only_what_it_may_destroy(
    environment: str,
) -> None:
    modules, settings = modules_of(environment), settings_of(environment)
    role = f"arn:aws:iam::{settings.account_id}:role"
    outside = {
        purpose: {arn for entry in modules[f"{purpose}_bucket"]["outside_access"] for arn in entry["principal_arns"]}
        for purpose in ("data", "models", "logs")
    }
    assert {purpose for purpose, arns in outside.items() if f"{role}/slipway-{environment}-operator" in arns} == {
        "data",
        "models",
    }
    disposable = settings.loosened.force_destroy is not None
    assert all((f"{role}/slipway-deploy" in arns) is disposable for arns in outside.values())
    assert modules["people"]["operators"] == list(settings.people.operators)
    assert modules["people"]["production"] is settings.production


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_endpoint_waits_for_a_promoted_model(environment: str) -> None:
    document = composed(environment)
    endpoint = document["module"]["vehicles_endpoint"]
    assert endpoint["count"] == '${contains(keys(var.models), "vehicles") ? 1 : 0}'
    assert endpoint["model"]["image"] == '${var.models["vehicles"].image}'
    assert document["variable"]["models"]["default"] == {}
    assert document["output"]["endpoint_names"]["value"] == {"vehicles": f"slipway-{environment}-vehicles"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_rollout_is_told_how_many_instances_run(environment: str) -> None:
    document = composed(environment)
    variable = document["variable"]["live_instance_counts"]
    assert (variable["type"], variable["default"]) == ("map(number)", {})
    assert '["vehicles"]' in variable["validation"][0]["condition"]
    given = document["module"]["vehicles_endpoint"]["live_instance_count"]
    assert given == '${lookup(var.live_instance_counts, "vehicles", 0)}'


@pytest.mark.parametrize("environment", ["staging", "prod", "rehearsal"])
def test_a_fleet_is_scaled_on_a_slow_and_on_a_fast_signal_and_routed_to_the_least_busy(environment: str) -> None:
    endpoint = modules_of(environment)["vehicles_endpoint"]
    assert endpoint["scaling"]["invocations_per_instance"] > endpoint["scaling"]["concurrent_requests_per_model"] > 1
    assert endpoint["scaling"]["scale_in_cooldown_s"] >= endpoint["scaling"]["scale_out_cooldown_s"] >= 120
    assert endpoint["routing_strategy"] == "LEAST_OUTSTANDING_REQUESTS"


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_committed_promotions_name_workloads_of_the_environment(environment: str) -> None:
    path = ROOT / "terraform" / "environments" / environment / "models.auto.tfvars.json"
    promoted = json.loads(path.read_text())["models"]
    assert set(promoted) <= set(settings_of(environment).workloads)


def test_a_function_is_granted_what_it_declares_and_nothing_else() -> None:
    specs = read_specs(ROOT)
    for name in specs.workloads["vehicles"].functions:
        function, block = specs.functions[name], modules_of("prod")[f"vehicles_{name}"]
        assert [statement["sid"] for statement in block["statements"]] == [s.sid for s in function.statements]
        assert [statement["actions"] for statement in block["statements"]] == [
            list(s.actions) for s in function.statements
        ]
        unfilled = re.findall(r"\$\{[a-z_]+\}", json.dumps(block["statements"]))
        assert unfilled == [], "a token was left in place"


AROUND = Surroundings(
    variables={"LOG_LEVEL": "INFO", "ENDPOINT_NAME": "e"},
    tokens={"objects": ("arn:aws:s3:::b/one/*", "arn:aws:s3:::b/two/*"), "region": ("eu-west-1",)},
)


def function_spec(**changes: Any) -> FunctionSpec:
    content = {
        "name": "probe",
        "handler": "handler.handle",
        "memory_mb": 128,
        "timeout_s": 3,
        "environment": {},
        "statements": [],
    } | changes
    return FunctionSpec.model_validate_json(json.dumps(content))


def test_a_token_that_stands_alone_may_become_several_arns() -> None:
    condition = {"test": "StringEquals", "variable": "kms:ViaService", "values": ["s3.${region}.amazonaws.com"]}
    statement = {"sid": "S", "actions": ["s3:GetObject"], "resources": ["${objects}"], "conditions": [condition]}

    (filled,) = statements_of(function_spec(statements=[statement]), AROUND)

    assert filled["resources"] == ["arn:aws:s3:::b/one/*", "arn:aws:s3:::b/two/*"]
    assert filled["conditions"][0]["values"] == ["s3.eu-west-1.amazonaws.com"]


def test_an_unknown_token_is_refused_by_name() -> None:
    statement = {"sid": "S", "actions": ["s3:GetObject"], "resources": ["${object}"]}
    with pytest.raises(SettingsError, match=r"functions/probe/function.yaml: .*\$\{object\}.*did you mean 'objects'"):
        statements_of(function_spec(statements=[statement]), AROUND)


def test_a_variable_without_source_is_refused_unless_it_has_a_default() -> None:
    with_default = function_spec(environment={"COLOUR": {"default": "red"}, "LOG_LEVEL": {"default": "DEBUG"}})
    assert environment_of(with_default, AROUND) == {"LOG_LEVEL": "INFO"}
    with pytest.raises(SettingsError, match=r"environment.ENDPOINT_NAM: .*did you mean 'ENDPOINT_NAME'"):
        environment_of(function_spec(environment={"ENDPOINT_NAM": {}}), AROUND)


def complaints(settings: Settings, specs: Specs) -> list[str]:
    return [str(problem) for problem in disagreements(settings, specs)]


def altered(key: str, value: object) -> Settings:
    """Production's settings with one dotted key of the workload changed."""
    content = settings_of("prod").model_dump(mode="json")
    place = content["workloads"]["vehicles"]
    *parents, last = key.split(".")
    for parent in parents:
        place = place[parent]
    place[last] = value
    return Settings.model_validate_json(json.dumps(content))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_committed_settings_agree_with_the_repository(environment: str) -> None:
    assert complaints(settings_of(environment), read_specs(ROOT)) == []


def test_settings_must_name_existing_workloads_and_every_function() -> None:
    specs = read_specs(ROOT)
    renamed = replace(specs, workloads={"vehicle": specs.workloads["vehicles"]})
    (message,) = complaints(settings_of("prod"), renamed)
    assert "workloads.vehicles: got 'vehicles'" in message
    assert "did you mean 'vehicle'?" in message

    functions = dict(specs.functions)
    functions["collect_result"] = functions.pop("collect_results")
    messages = complaints(settings_of("prod"), replace(specs, functions=functions))
    assert any("functions.collect_results" in text and "did you mean 'collect_result'?" in text for text in messages)

    vehicles = specs.workloads["vehicles"]
    more = vehicles.model_copy(update={"functions": (*vehicles.functions, "assess_claim"), "companions": ("cars",)})
    messages = complaints(settings_of("prod"), replace(specs, workloads={"vehicles": more}))
    assert any("functions.assess_claim: is missing" in text for text in messages)
    assert any("workloads.cars: is missing" in text and "a companion of 'vehicles'" in text for text in messages)
    fewer = vehicles.model_copy(update={"functions": vehicles.functions[1:]})
    messages = complaints(settings_of("prod"), replace(specs, workloads={"vehicles": fewer}))
    assert any(f"functions.{vehicles.functions[0]}: got" in text for text in messages)
    assert any("a function that classify_images calls" in text for text in messages)


def test_a_function_has_room_for_all_that_the_workflow_runs_at_once() -> None:
    specs = read_specs(ROOT)
    fan_out = specs.fan_out["classify_images"]
    assert set(fan_out) == {"serialize_image", "classify_image", "filter_predictions"}
    needed = fan_out["filter_predictions"]

    (message,) = complaints(altered("functions.filter_predictions.reserved", needed - 1), specs)

    assert f"workloads.vehicles.functions.filter_predictions.reserved: got {needed - 1}" in message
    assert f"raise it to {needed}" in message
    assert complaints(altered("functions.filter_predictions.reserved", needed), specs) == []


def test_an_instance_type_must_be_one_the_workload_was_measured_on() -> None:
    (message,) = complaints(altered("endpoint.instance_type", "ml.c7i.4xlarge"), read_specs(ROOT))
    assert "endpoint.instance_type: got 'ml.c7i.4xlarge'" in message
    assert "add it to inference.instance_types" in message


@pytest.mark.parametrize(
    ("name", "value", "fragment"),
    [
        ("epoch", 3, "did you mean 'epochs'?"),
        ("epochs", 0, "expected at least 1"),
        ("epochs", 10**6, "expected at most 500"),
        ("epochs", True, "expected a value of type integer"),
        ("epochs", "3", "expected a value of type integer"),
        ("learning_rate", 7.5, "expected at most 1"),
        ("architecture", "resnet19", "expected one of small_cnn, resnet18"),
        ("augment", 1, "expected a value of type boolean"),
    ],
)
def test_a_hyperparameter_out_of_its_range_is_refused(name: str, value: object, fragment: str) -> None:
    (message,) = complaints(altered("training.hyperparameters", {name: value}), read_specs(ROOT))
    assert f"workloads.vehicles.training.hyperparameters.{name}: got " in message
    assert fragment in message


def test_a_given_hyperparameter_takes_the_place_of_the_default() -> None:
    assert complaints(altered("training.hyperparameters", {"epochs": 30, "learning_rate": 1}), read_specs(ROOT)) == []


def test_environments_may_not_share_addresses() -> None:
    prod, staging = settings_of("prod"), settings_of("staging")
    assert list(overlaps({"prod": prod, "staging": staging})) == []
    clash = staging.model_copy(update={"network": staging.network.model_copy(update={"cidr": "10.60.128.0/18"})})
    ((where, problem),) = overlaps({"prod": prod, "staging": clash})
    assert where == "staging"
    assert "a range apart from 'prod' (10.60.0.0/16)" in str(problem)


def test_environments_of_one_account_may_not_starve_each_other() -> None:
    prod, staging = settings_of("prod"), settings_of("staging")
    beside = staging.model_copy(update={"account_id": prod.account_id})
    assert list(overlaps({"prod": prod, "staging": beside})) == []
    short = beside.model_copy(update={"concurrency_quota": 800})
    ((where, problem),) = overlaps({"prod": prod, "staging": short})
    assert where == "staging"
    assert "workloads: got 155, expected at most 90, what the other environments of account 777788889999" in str(
        problem
    )
    assert list(overlaps({"prod": prod, "staging": short.model_copy(update={"region": "eu-west-2"})})) == []


def test_listed_instance_types_are_known_to_sagemaker() -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    assert set(model.shape_for("TrainingInstanceType").enum) >= instances.TRAINING
    assert set(model.shape_for("ProductionVariantInstanceType").enum) >= instances.ENDPOINT


def test_listed_instance_types_pass_the_modules_own_rule_about_local_storage() -> None:
    for module in ("endpoint", "training"):
        text = (MODULES / module / "variables.tf").read_text()
        pattern = next(line for line in text.splitlines() if "p5[a-z]*" in line).split('regex("')[1].split('",')[0]
        refused = re.compile(pattern.replace("\\\\", "\\"))
        assert refused.match("ml.g5.xlarge")
        assert [name for name in instances.TRAINING | instances.ENDPOINT if refused.match(name)] == []


@pytest.mark.parametrize(
    ("region", "arn", "image"),
    [
        ("eu-west-1", "arn:aws:s3:::", ".dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/serving@sha256:7"),
        (
            "cn-north-1",
            "arn:aws-cn:s3:::",
            ".dkr.ecr.cn-north-1.amazonaws.com.cn/slipway-dev-vehicles/serving@sha256:7",
        ),
        (
            "us-gov-west-1",
            "arn:aws-us-gov:s3:::",
            ".dkr.ecr.us-gov-west-1.amazonaws.com/slipway-dev-vehicles/serving@sha256:7",
        ),
    ],
)
def test_names_follow_the_partition(region: str, arn: str, image: str) -> None:
    names = Names("dev", "1" * 12, region)
    assert names.bucket_arn("data").startswith(arn)
    assert names.image("vehicles", "serving", "sha256:7").endswith(image)


def test_hyperparameters_are_written_as_the_training_code_reads_them() -> None:
    assert [hyperparameter_text(value) for value in (True, 3, 0.004, "small")] == ["true", "3", "0.004", "small"]


def test_absent_arguments_are_left_out_and_false_ones_kept() -> None:
    assert without_none({"a": None, "b": {"c": None, "d": False}, "e": (0, {"f": None})}) == {
        "b": {"d": False},
        "e": [0, {}],
    }


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "main.tf.json"
    synth.write_atomically(target, "old")

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        synth.write_atomically(target, "new")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["main.tf.json"]


def test_lock_files_carry_the_same_published_checksums() -> None:
    texts = {(ROOT / "terraform" / "environments" / name / ".terraform.lock.hcl").read_text() for name in ENVIRONMENTS}
    (text,) = texts
    assert 'version     = "5.100.0"' in text
    assert text.count('"zh:') >= 14, "a checksum per platform, or a colleague's laptop refuses it"


def test_a_workload_file_that_is_wrong_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "training" / "workloads" / "toys"
    folder.mkdir(parents=True)
    content = read_yaml(ROOT / "training" / "workloads" / "vehicles" / "workload.yaml", "workload.yaml")
    content["training"]["instance"]["count"] = "two"
    (folder / "workload.yaml").write_text(json.dumps(content))
    message = r"training/workloads/toys/workload.yaml: training.instance.count: got 'two', expected a whole number"
    with pytest.raises(SettingsError, match=message):
        read_specs(tmp_path)
