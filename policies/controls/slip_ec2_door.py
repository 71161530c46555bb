"""Nobody reaches an instance from outside."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put, set_at
from policies.control import Control
from policies.plan import Plan, Resource, listed


def check(machine: Resource, plan: Plan) -> Iterator[str]:
    values = machine.values
    interfaces = [values, *listed(values.get("network_interfaces"))]
    if any(str(one.get("associate_public_ip_address")).lower() == "true" for one in interfaces):
        yield "it has a public address"
    # Left out, the subnet decides, which a change elsewhere may turn round.
    elif not any(str(one.get("associate_public_ip_address")).lower() == "false" for one in interfaces):
        yield "whether it has a public address is left to its subnet"
    if values.get("key_name"):
        yield f"whoever holds the key pair {values['key_name']} may log in"
    groups = {group for one in interfaces for key in _GROUPS for group in listed(one.get(key))}
    for rule in plan.of("aws_vpc_security_group_ingress_rule"):
        if rule.values.get("security_group_id") in groups:
            yield f"{rule.address} lets something in"


_GROUPS = ("security_groups", "vpc_security_group_ids")


def _in_a_group_that_lets_in(machine: Resource, plan: Plan) -> None:
    rule = plan.of("aws_vpc_security_group_ingress_rule")[0]
    set_at(machine.values, "network_interfaces.0.security_groups", [rule.values["security_group_id"]])


CONTROL = Control(
    title="Nobody reaches an instance from outside",
    severity="high",
    reason="People come in by a session of Systems Manager, which IAM decides and CloudTrail records; by no other way.",
    remedy="No public address, no key_name, and a security group without ingress.",
    types=("aws_instance", "aws_launch_template"),
    sources=("EC2.9", "EC2.25", "NET-ISOLATION"),
    unused="Workbenches, the only instances, are off in the committed environments.",
    check=check,
    good=[
        (
            "aws_launch_template",
            {
                "key_name": None,
                "network_interfaces": [{"associate_public_ip_address": "false", "security_groups": ["sg-workbench"]}],
            },
        ),
        ("aws_vpc_security_group_ingress_rule", {"security_group_id": "sg-endpoints"}),
    ],
    breaks={
        "a public address": put("network_interfaces.0.associate_public_ip_address", "true"),
        "as the subnet likes": put("network_interfaces.0.associate_public_ip_address", None),
        "a key pair": put("key_name", "mine"),
        "a group that lets in": _in_a_group_that_lets_in,
    },
)
