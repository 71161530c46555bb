"""A workload's way out: the good one has no faults, and each thing that is missing is named."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from policies.plan import Plan, Resource
from rehearsal.prove.network import NetworkPath, idle_endpoints, paths
from rehearsal.prove.roles import roles
from tests.unit.prove_plans import account, allow, environment, text


def only(plan: Plan) -> NetworkPath:
    (path,) = paths(plan, roles([plan, account()]))
    return path


def find(plan: Plan, address: str) -> Resource:
    return next(resource for resource in plan.resources if resource.address == address)


def test_a_function_reaches_its_services_and_nothing_else() -> None:
    plan = environment()
    path = only(plan)
    assert path.faults == ()
    assert {(way.service, way.kind) for way in path.ways} == {("s3", "gateway"), ("sagemaker.runtime", "interface")}
    assert path.by_aws == {"logs": "Lambda sends the logs"}
    assert idle_endpoints(plan, [path]) == []


def _route_out(plan: Plan) -> None:
    find(plan, "aws_route_table.private").values["route"] = [{"cidr_block": "0.0.0.0/0", "nat_gateway_id": "nat-1"}]


def _route_beside(plan: Plan) -> None:
    plan.resources.append(Resource("aws_route.out", "aws_route", {"route_table_id": "rtb-1", "gateway_id": "igw-1"}))


def _main_table(plan: Plan) -> None:
    plan.resources.remove(find(plan, "aws_rta.a"))
    plan.resources.append(Resource("aws_route.main", "aws_route", {"route_table_id": "rtb-0", "gateway_id": "igw-1"}))


def _open_egress(plan: Plan) -> None:
    rule = {"security_group_id": "sg-own", "cidr_ipv4": "0.0.0.0/0", "ip_protocol": "-1"}
    plan.resources.append(Resource("rule.open", "aws_vpc_security_group_egress_rule", rule))


def _inline_egress(plan: Plan) -> None:
    find(plan, "aws_security_group.own").values["egress"] = [{"cidr_blocks": ["0.0.0.0/0"]}]


def _outside(plan: Plan) -> None:
    find(plan, "module.function.aws_lambda_function.this").values["vpc_config"] = []


def _no_endpoint(plan: Plan) -> None:
    plan.resources.remove(find(plan, "aws_vpc_endpoint.runtime"))


def _no_dns(plan: Plan) -> None:
    find(plan, "aws_vpc_endpoint.runtime").values["private_dns_enabled"] = False


def _no_ingress(plan: Plan) -> None:
    plan.resources.remove(find(plan, "rule.in"))


def _no_egress(plan: Plan) -> None:
    plan.resources.remove(find(plan, "rule.doors"))


def _wrong_port(plan: Plan) -> None:
    find(plan, "rule.s3").values.update(from_port=80, to_port=80)


def _no_table(plan: Plan) -> None:
    find(plan, "aws_vpc_endpoint.s3").values["route_table_ids"] = ["rtb-9"]


def _closed_door(plan: Plan) -> None:
    other = {**allow("Own", ["s3:GetObject"], "arn:aws:s3:::another/*"), "Principal": "*"}
    find(plan, "aws_vpc_endpoint.s3").values["policy"] = text(other)


def _no_role(plan: Plan) -> None:
    find(plan, "module.function.aws_lambda_function.this").values["role"] = "arn:aws:iam::123456789012:role/gone"


@pytest.mark.parametrize(
    ("worsen", "told"),
    [
        (_route_out, "leads out through nat_gateway_id nat-1"),
        (_route_beside, "aws_route.out leads out through gateway_id igw-1"),
        (_main_table, "aws_route.main leads out"),
        (_open_egress, "rule.open lets it reach 0.0.0.0/0"),
        (_inline_egress, "egress rules written inside"),
        (_outside, "runs outside the VPC"),
        (_no_endpoint, "the VPC has no endpoint com.amazonaws.eu-west-1.sagemaker.runtime"),
        (_no_dns, "no private DNS"),
        (_no_ingress, "does not let its security group in"),
        (_no_egress, "no security group lets it out to the endpoint"),
        (_wrong_port, "no security group lets it out to the prefix list"),
        (_no_table, "is not in the route table of subnet-1"),
        (_closed_door, "refuses s3:GetObject"),
        (_no_role, "'gone' stands in no plan"),
    ],
)
def test_what_is_missing_is_named(worsen: Callable[[Plan], None], told: str) -> None:
    plan = copy.deepcopy(environment())
    worsen(plan)
    assert any(told in fault for fault in only(plan).faults), only(plan).faults


def test_an_endpoint_that_nobody_needs_is_named() -> None:
    plan = environment(
        Resource("aws_vpc_endpoint.sts", "aws_vpc_endpoint", {"id": "vpce-9", "service_name": "com.amazonaws.x.sts"})
    )
    assert idle_endpoints(plan, [only(plan)]) == ["sts"]
