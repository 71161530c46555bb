"""workload.yaml: what the loader accepts, and how it explains what it refuses."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import types
import typing

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from training.errors import SpecError
from training.learning.tracking import line
from training.workloads import reference, spec

VEHICLES = (spec.WORKLOADS / "vehicles" / "workload.yaml").read_text()


SPOT_AND_WARM = {"type": "ml.m5.xlarge", "count": 1, "volume_gb": 30, "max_runtime_s": 60, "spot": True, "warm_s": 60}
LOW = {"min": 1, "max": 2}


def tuning(**changes: object) -> dict[str, object]:
    """A search that is right but for the changes."""
    objective = {"metric": "validation:accuracy", "goal": "Maximize"}
    right = {"strategy": "Random", "objective": objective, "max_jobs": 4, "max_parallel": 2, "ranges": {"epochs": LOW}}
    return right | changes


def changed(path: str, value: object) -> str:
    """The vehicles' YAML with one value set (or removed, with `...`)."""
    document = yaml.safe_load(VEHICLES)
    *parents, last = path.split(".")
    node = document
    for parent in parents:
        node = node[int(parent)] if isinstance(node, list) else node[parent]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return yaml.safe_dump(document)


def refused(text: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        spec.parse(text)
    return caught.value


def test_vehicles_has_the_facts_the_issue_asks_for():
    vehicles = spec.load("vehicles")
    assert vehicles.data.classes == ("bicycle", "motorcycle")
    assert vehicles.data.default == "synthetic"
    assert vehicles.data.options["synthetic"].synthetic
    assert not vehicles.data.options["cifar100"].synthetic
    assert vehicles.workflow.threshold == 0.93
    assert vehicles.training.gate.metric in {metric.name for metric in vehicles.training.metrics}
    assert all(channel.prefix.endswith("/") for channel in vehicles.data.channels.values())


@pytest.mark.parametrize(
    ("path", "value", "field", "says"),
    [
        ("nmae", "x", "nmae", "Did you mean name?"),
        ("training.hyperparameters.epochs.maximum", 3, "training.hyperparameters.epochs.maximum", "unknown key"),
        ("training.instance.count", "two", "training.instance.count", "must be of type integer"),
        ("training.instance.count", 0, "training.instance.count", "must be at least 1"),
        ("training.instance.type", "m5.xlarge", "training.instance.type", "such as ml.m5.xlarge"),
        ("workflow.threshold", 1.2, "workflow.threshold", "must be at most 1"),
        ("workflow.low_confidence", "ignore", "workflow.low_confidence", "'review', 'raise'"),
        ("capture", ..., "capture", "is missing"),
        (
            "training.hyperparameters.epochs.default",
            900,
            "training.hyperparameters.epochs.default",
            "between 1 and 500",
        ),
        ("training.hyperparameters.epochs.default", "8", "training.hyperparameters.epochs.default", "type integer"),
        ("training.hyperparameters.augment.min", 0, "training.hyperparameters.augment.min", "remove it"),
        ("training.gate.metric", "test:acuracy", "training.gate.metric", "must be one of training.metrics"),
        ("training.metrics.0.regex", "loss=[0-9]+", "training.metrics.0.regex", "exactly one group"),
        ("training.metrics.0.regex", "loss=([0-9]+", "training.metrics.0.regex", "not a regular expression"),
        ("data.default", "photos", "data.default", "must be one of data.options"),
        ("data.channels.train.prefix", "vehicles/train", "data.channels.train.prefix", "must end in a slash"),
        ("data.channels.train.prefix", "dogs/train/", "data.channels.train.prefix", "must start with vehicles/"),
        ("data.classes", ["bicycle", "bicycle"], "data.classes", "twice"),
        ("name", "Vehicles", "name", "lower-case"),
        ("load.p99_ms", 1, "load.p99_ms", "must not be below"),
    ],
)
def test_a_wrong_value_is_explained_by_key_value_and_remedy(path, value, field, says):
    error = refused(changed(path, value))
    assert error.field == field
    assert says in error.remedy
    if value is not ...:
        assert repr(value) in str(error) or str(value) in str(error)


@pytest.mark.parametrize(
    ("path", "value", "field", "says"),
    [
        ("functions", [], "functions", "the workflow needs functions"),
        ("data.classes", ["bicycle"], "data.classes", "nothing to tell apart"),
        ("uploads", {"prefix": "dogs/incoming/", "start": "workflow"}, "uploads.prefix", "must start with vehicles/"),
        ("uploads", {"prefix": "vehicles/incoming/", "start": "assess"}, "uploads.start", "one of workflow, classify"),
        ("rehearsal", {"hyperparameters": {"epoch": 1}}, "rehearsal.hyperparameters.epoch", "remove it"),
        ("training.instance", SPOT_AND_WARM, "training.instance.warm_s", "cannot be kept"),
        ("training.tuning", tuning(max_parallel=9), "training.tuning.max_parallel", "must not exceed max_jobs, 4"),
        ("training.tuning", tuning(strategy="Hyperband"), "training.tuning.resource", "needs the least"),
        ("training.tuning", tuning(ranges={"speed": LOW}), "training.tuning.ranges.speed", "none of"),
        (
            "training.tuning",
            tuning(ranges={"epochs": {"values": ["1"]}}),
            "training.tuning.ranges.epochs",
            "min and max",
        ),
        (
            "training.tuning",
            tuning(ranges={"epochs": {"min": 0, "max": 9}}),
            "training.tuning.ranges.epochs",
            "between 1",
        ),
        (
            "training.tuning",
            tuning(ranges={"architecture": LOW}),
            "training.tuning.ranges.architecture",
            "needs values",
        ),
        ("data.channels.train.attributes", ["source-ref"], "data.channels.train.attributes", "only a manifest"),
        ("data.channels.train.data_type", "AugmentedManifestFile", "data.channels.train.attributes", "in order"),
        (
            "data.channels.train.record_wrapper",
            "RecordIO",
            "data.channels.train.record_wrapper",
            "set input_mode: Pipe",
        ),
    ],
)
def test_facts_that_contradict_each_other_are_refused_by_name(path, value, field, says):
    error = refused(changed(path, value))
    assert error.field == field
    assert says in error.remedy


def test_a_key_that_stands_twice_is_refused():
    assert "stands twice" in str(refused(VEHICLES + "\nname: other\n"))


@pytest.mark.parametrize("text", ["a: [", "", "- 1\n", "null"])
def test_text_that_describes_nothing_is_refused(text):
    refused(text)


def test_an_unknown_workload_names_the_known_ones(tmp_path):
    with pytest.raises(SpecError, match="Did you mean vehicles"):
        spec.load("vehicle")
    with pytest.raises(SpecError, match="known: none"):
        spec.load("vehicles", root=tmp_path)
    with pytest.raises(SpecError):
        spec.load("../workloads/vehicles")


def test_a_workload_bears_its_folders_name(tmp_path):
    folder = tmp_path / "cars"
    folder.mkdir()
    (folder / "workload.yaml").write_text(VEHICLES)
    with pytest.raises(SpecError, match="folder's name"):
        spec.load("cars", root=tmp_path)


def test_the_schema_and_the_dataclasses_name_the_same_keys():
    def walk(node: dict, kind: typing.Any) -> None:
        arguments = typing.get_args(kind)
        if typing.get_origin(kind) is types.UnionType:
            walk(node, arguments[0])
        elif typing.get_origin(kind) is dict and dataclasses.is_dataclass(arguments[1]):
            walk(node["additionalProperties"], arguments[1])
        elif typing.get_origin(kind) is tuple and dataclasses.is_dataclass(arguments[0]):
            walk(node["items"], arguments[0])
        elif dataclasses.is_dataclass(kind):
            hints = typing.get_type_hints(kind)
            assert set(node["properties"]) == set(hints), kind
            optional = {
                f.name for f in dataclasses.fields(kind) if {f.default, f.default_factory} != {dataclasses.MISSING}
            }
            assert set(node.get("required", [])) == set(hints) - optional, kind
            assert node["additionalProperties"] is False
            for name, hint in hints.items():
                walk(node["properties"][name], hint)

    walk(json.loads(spec.SCHEMA_FILE.read_text()), spec.Workload)


VEHICLES_SPEC = spec.load("vehicles")
EPOCHS = VEHICLES_SPEC.training.hyperparameters["epochs"]


@given(st.integers(-1000, 1000))
def test_a_hyperparameter_is_taken_exactly_within_its_range(value):
    given_values = {"epochs": str(value)}
    if EPOCHS.min <= value <= EPOCHS.max:
        assert spec.resolve_hyperparameters(VEHICLES_SPEC, given_values)["epochs"] == value
        return
    with pytest.raises(SpecError, match=f"between {EPOCHS.min} and {EPOCHS.max}"):
        spec.resolve_hyperparameters(VEHICLES_SPEC, given_values)


@given(st.text(max_size=8) | st.floats().map(str))
def test_any_text_for_a_number_is_converted_or_explained(text):
    with contextlib.suppress(SpecError):
        value = spec.resolve_hyperparameters(VEHICLES_SPEC, {"learning_rate": text})["learning_rate"]
        assert isinstance(value, float)
        assert 0 < value <= 1


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("epohcs", "3", "Did you mean epochs?"),
        ("epochs", "1.5", "whole number"),
        ("epochs", True, "whole number"),
        ("augment", "maybe", "true or false"),
        ("architecture", "resnet19", "resnet18"),
        ("learning_rate", "nan", "between"),
        ("learning_rate", "inf", "between"),
    ],
)
def test_a_wrong_hyperparameter_is_explained(name, value, says):
    with pytest.raises(SpecError, match=re.escape(says)) as caught:
        spec.resolve_hyperparameters(VEHICLES_SPEC, {name: value})
    assert caught.value.field == f"hyperparameters.{name}"


def test_strings_for_sagemaker_come_back_as_the_same_values():
    strings = spec.hyperparameter_strings(VEHICLES_SPEC, {"augment": False, "epochs": 3})
    assert all(isinstance(value, str) for value in strings.values())
    assert strings["augment"] == "false"
    values = spec.resolve_hyperparameters(VEHICLES_SPEC, strings)
    assert values == spec.resolve_hyperparameters(VEHICLES_SPEC, {"augment": False, "epochs": 3})


@given(st.floats(1e-9, 1e4))
def test_sagemakers_patterns_read_back_what_the_log_says(value):
    """A tiny loss must not be written as 1e-09, which the pattern would read as 1."""
    for metric in VEHICLES_SPEC.training.metrics:
        found = re.findall(metric.regex, line({metric.name: value}, epoch=3))
        assert [float(text) for text in found] == [pytest.approx(value, abs=1e-6)]


def test_the_page_about_workloads_is_fresh():
    assert reference.main(["--check"]) == 0, "run `make docs`, review, commit"
    page = reference.PAGE.read_text()
    assert all(f"| `{name}` |" in page for name in spec.names())
    assert "`training.tuning.ranges.<name>.scaling` (optional)" in page


def test_companions_come_first_and_must_exist():
    claims = spec.load("claims")
    assert [one.name for one in spec.together(claims)] == ["claims-detector", "claims"]
    for wrong in ("claims", "cars"):
        with pytest.raises(SpecError, match="must be another workload; known: "):
            spec.together(dataclasses.replace(claims, companions=(wrong,)))


def test_a_job_that_sees_one_workload_alone_can_read_it(tmp_path):
    folder = tmp_path / "claims"
    folder.mkdir()
    (folder / "workload.yaml").write_text((spec.WORKLOADS / "claims" / "workload.yaml").read_text())
    assert spec.load("claims", tmp_path).companions == ("claims-detector",)
