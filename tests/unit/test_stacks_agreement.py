"""Settings, workloads, functions and the other environments must agree."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from terraform.stacks.agreement import disagreements, overlaps
from terraform.stacks.settings import Settings, load_settings
from terraform.stacks.specs import Specs, read_specs

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ("dev", "prod", "rehearsal", "staging")


def settings_of(environment: str) -> Settings:
    return load_settings(ROOT / "terraform" / "environments" / environment / "settings.yaml")


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
