"""A workbench in an environment: off unless asked for, and what the rest of the environment adds for it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from terraform.stacks import environment, synth, workbench
from terraform.stacks.settings import Settings, SettingsError, parse_settings
from terraform.stacks.settings.yaml_file import read_yaml

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ("dev", "prod", "rehearsal", "staging")


def settings(**wanted: Any) -> Settings:
    """Dev, with a workbench for vehicles."""
    path = ROOT / "terraform" / "environments" / "dev" / "settings.yaml"
    document = read_yaml(path, "dev")
    document["workloads"]["vehicles"]["workbench"] = {"instance_type": "g4dn.xlarge"} | wanted
    return parse_settings(yaml.safe_dump(document), "dev")


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_no_committed_environment_has_one(name: str) -> None:
    text = (ROOT / "terraform" / "environments" / name / "main.tf.json").read_text(encoding="utf-8")
    assert "workbench" not in text
    assert not set(workbench.SERVICES) & set(environment.SERVICES)


def test_it_is_on_spot_capacity_and_ends_within_a_day_unless_told_otherwise() -> None:
    given = settings().workloads["vehicles"].workbench
    assert given is not None
    assert (given.spot, given.deadline_hours, given.idle_minutes, given.ami_id) == (True, 12, 30, None)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"instance_type": "ml.g4dn.xlarge"}, "write it without 'ml.'"),
        ({"ami_id": "ubuntu"}, "the id of an image"),
        ({"deadline_hours": 169}, "deadline_hours"),
        ({"idle_minutes": 5}, "idle_minutes"),
        ({"volume_gb": 8}, "volume_gb"),
        ({"key_name": "mine"}, "key_name"),
    ],
)
def test_what_it_cannot_be_is_refused(wanted: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(says)):
        settings(**wanted)


@pytest.mark.slow  # starts Node
def test_an_environment_with_one_has_what_it_needs() -> None:
    document = json.loads(synth.synthesise({"dev": settings(deadline_hours=4)})["dev"])
    modules = document["module"]

    made = modules["vehicles_workbench"]
    assert made["instance"] == {"type": "g4dn.xlarge", "spot": True, "volume_gb": 150}
    assert made["limits"] == {"deadline_hours": 4, "idle_minutes": 30}
    assert made["network"]["security_group_id"] == '${module.network.client_security_group_ids["workbench"]}'
    assert made["input_prefixes"] == ["vehicles/dataset/"]
    assert set(workbench.SERVICES) < set(modules["network"]["services"])
    assert "workbench" in modules["network"]["client_groups"]
    assert modules["keys"]["autoscaled_volumes"] is True
    assert modules["people"]["workbenches"] == ["vehicles"]
    declared = re.findall(r'^variable "(\w+)"', (ROOT / "terraform/modules/workbench/variables.tf").read_text(), re.M)
    assert set(made) - {"source"} <= set(declared)
    assert {"workbench_groups", "workbench_job_uris", "workbench_log_groups"} <= set(document["output"])
