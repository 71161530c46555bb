"""What the stacks compose: names, grants, references and agreement with workloads and functions."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from terraform.stacks import instances, synth
from terraform.stacks.grants import Surroundings, environment_of, statements_of
from terraform.stacks.modules import without_none
from terraform.stacks.names import Names
from terraform.stacks.settings import Settings, SettingsError, load_settings
from terraform.stacks.settings.yaml_file import read_yaml
from terraform.stacks.specs import FunctionSpec, read_specs
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
    assert document["output"]["endpoint_names"]["value"]["vehicles"] == f"slipway-{environment}-vehicles"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_rollout_is_told_how_many_instances_run(environment: str) -> None:
    document = composed(environment)
    variable = document["variable"]["live_instance_counts"]
    assert (variable["type"], variable["default"]) == ("map(number)", {})
    assert '"vehicles"' in variable["validation"][0]["condition"]
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
    specs, modules = read_specs(ROOT), modules_of("rehearsal")
    seen = set()
    for workload in settings_of("rehearsal").workloads:
        for name in specs.workloads[workload].functions:
            function, block = specs.functions[name], modules[f"{workload.replace('-', '_')}_{name}"]
            assert [statement["sid"] for statement in block["statements"]] == [s.sid for s in function.statements]
            assert [statement["actions"] for statement in block["statements"]] == [
                list(s.actions) for s in function.statements
            ]
            unfilled = re.findall(r"\$\{[a-z_]+\}", json.dumps(block["statements"]))
            assert unfilled == [], "a token was left in place"
            seen.add(name)
    assert seen == set(specs.functions), "a function that no workload deploys is rehearsed by none"


def test_claims_has_its_table_its_trigger_and_its_detector() -> None:
    modules = modules_of("rehearsal")
    assert modules["claims_table"]["vpc_endpoint_ids"] == ["${module.network.dynamodb_endpoint_id}"]
    table = f"arn:aws:dynamodb:eu-west-1:123456789012:table/{modules['claims_table']['name']}"
    assert modules["network"]["table_arns"] == modules["people"]["table_arns"] == [table]
    assert modules["data_bucket"]["notifications"] == {"eventbridge": True}
    assert modules["claims_uploads"]["target"] == {
        "state_machine": {"arn": "${module.claims_workflow.state_machine_arn}"}
    }
    judge = modules["claims_assess_claim"]
    assert judge["environment"]["DETECTOR_ENDPOINT_NAME"] == "slipway-rehearsal-claims-detector"
    asked = {arn for one in judge["statements"] for arn in one["resources"] if ":endpoint/" in arn}
    assert {arn.rpartition("/")[2] for arn in asked} == {
        "slipway-rehearsal-claims",
        "slipway-rehearsal-claims-detector",
    }
    assert "claims_detector_workflow" not in modules


def test_a_part_of_an_environment_knows_nothing_of_the_rest(tmp_path: Path) -> None:
    assert synth.main(["--env", "rehearsal", "--workload", "vehicles", "--out", str(tmp_path)]) == 0
    text = (tmp_path / "main.tf.json").read_text()
    assert "claims" not in text
    document = json.loads(text)
    assert {name for name in document["module"] if name.startswith("vehicles_")} >= {"vehicles_endpoint"}
    source = document["module"]["keys"]["source"]
    assert (tmp_path / source).resolve() == MODULES / "keys"
    package = document["module"]["vehicles_classify_image"]["package"]["path"].replace("${path.module}", str(tmp_path))
    assert Path(package).resolve() == ROOT / "functions" / "dist" / "classify_image.zip"
    lock = ROOT / "terraform" / "environments" / "rehearsal" / ".terraform.lock.hcl"
    assert (tmp_path / lock.name).read_bytes() == lock.read_bytes()


def test_a_part_names_workloads_that_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert synth.main(["--env", "dev", "--workload", "vehicle", "--out", str(tmp_path)]) == 2
    assert "did you mean 'vehicles'?" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SystemExit):
        synth.main(["--env", "dev", "--workload", "vehicles"])


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
