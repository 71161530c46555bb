"""What stands in a rehearsed account, read from Terraform's state in the form that a plan has."""

from __future__ import annotations

import json
from pathlib import Path

from policies.plan import BOOTSTRAP, Plan, Resource
from rehearsal.prove.sides import REHEARSED
from rehearsal.prove.used import EvidenceError
from rehearsal.run import ACCOUNT, REGION

_RULES = ("aws_vpc_security_group_egress_rule", "aws_vpc_security_group_ingress_rule")


def standing(terraform: Path) -> list[Plan]:
    """The environment and the account around it, from a run's folder of states. EvidenceError when one is missing."""
    return [
        _read(terraform / "terraform.tfstate", REHEARSED),
        _read(terraform / "bootstrap.tfstate", BOOTSTRAP),
    ]


def _read(path: Path, name: str) -> Plan:
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EvidenceError(f"no state of the {name} that stands: {error}") from None
    resources = [
        Resource(_address(resource, instance), resource["type"], instance["attributes"])
        for resource in state["resources"]
        if resource["mode"] == "managed"
        for instance in resource["instances"]
    ]
    apart = {r.values.get("security_group_id") for r in resources if r.type in _RULES}
    for resource in resources:
        if resource.type == "aws_security_group" and resource.values.get("id") in apart:
            # AWS tells a group's rules with the group; they stand as resources of their own.
            resource.values.update(egress=[], ingress=[])
    return Plan(name, ACCOUNT, REGION, resources)


def _address(resource: dict[str, str], instance: dict[str, object]) -> str:
    prefix = f"{resource['module']}." if resource.get("module") else ""
    key = instance.get("index_key")
    index = "" if key is None else f"[{json.dumps(key)}]"
    return f"{prefix}{resource['type']}.{resource['name']}{index}"
