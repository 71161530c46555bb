"""What stands is read from Terraform's state as a plan is read, so that both can be held against each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rehearsal.prove.standing import standing
from rehearsal.prove.used import EvidenceError


def resource(kind: str, *instances: dict[str, Any], module: str = "", mode: str = "managed") -> dict[str, Any]:
    found = {"mode": mode, "type": kind, "name": "this", "instances": list(instances)}
    return found | ({"module": module} if module else {})


def states(folder: Path, *resources: dict[str, Any]) -> Path:
    (folder / "terraform.tfstate").write_text(json.dumps({"resources": list(resources)}))
    (folder / "bootstrap.tfstate").write_text(json.dumps({"resources": []}))
    return folder


def test_addresses_are_those_of_the_plan(tmp_path: Path) -> None:
    folder = states(
        tmp_path,
        resource("aws_subnet", {"index_key": "eu-west-1a", "attributes": {"id": "a"}}, module="module.network"),
        resource("aws_sqs_queue", {"index_key": 0, "attributes": {"id": "b"}}),
        resource("aws_vpc", {"attributes": {"id": "c"}}),
        resource("aws_region", {"attributes": {"id": "d"}}, mode="data"),
    )
    environment, account = standing(folder)
    assert [r.address for r in environment.resources] == [
        'module.network.aws_subnet.this["eu-west-1a"]',
        "aws_sqs_queue.this[0]",
        "aws_vpc.this",
    ]
    assert (environment.environment, account.environment) == ("rehearsal", "bootstrap")


@pytest.mark.parametrize("apart", [True, False])
def test_rules_that_stand_apart_are_not_told_twice(tmp_path: Path, *, apart: bool) -> None:
    group = {"attributes": {"id": "sg-1", "egress": [{"from_port": 443}], "ingress": []}}
    rule = {"attributes": {"id": "sgr-1", "security_group_id": "sg-1" if apart else "sg-2"}}
    folder = states(
        tmp_path, resource("aws_security_group", group), resource("aws_vpc_security_group_egress_rule", rule)
    )
    found = standing(folder)[0].of("aws_security_group")[0].values["egress"]
    assert found == ([] if apart else [{"from_port": 443}])


def test_without_a_state_nothing_is_proved(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="no state of the rehearsal"):
        standing(tmp_path)
