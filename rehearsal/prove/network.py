"""The ways that lead out of a workload: none but the endpoints of the services it calls.

All of it is computed from the plan: subnets to route tables to gateways, security groups to endpoints, and each call
of the workload's role through the policy of the endpoint that carries it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from policies.plan import Plan, Resource, listed
from rehearsal.prove.callers import Call, split
from rehearsal.prove.components import Component, components
from rehearsal.prove.doors import admits, endpoint_service
from rehearsal.prove.roles import Role

HTTPS = 443
_WAYS_OUT = (
    "gateway_id", "nat_gateway_id", "egress_only_gateway_id", "transit_gateway_id", "vpc_peering_connection_id",
    "network_interface_id", "carrier_gateway_id", "local_gateway_id", "core_network_arn",
)  # fmt: skip
_HARMLESS = ("", "local", None)


@dataclass(frozen=True)
class Way:
    """A workload's way to one service: by which endpoint, and for which of its actions."""

    service: str
    endpoint: str
    kind: str
    actions: tuple[str, ...]


@dataclass(frozen=True)
class NetworkPath:
    """One workload's network: where it goes, what AWS does for it, and what is wrong."""

    component: Component
    ways: tuple[Way, ...]
    by_aws: Mapping[str, str]
    faults: tuple[str, ...]


def paths(plan: Plan, known: Mapping[str, Role]) -> list[NetworkPath]:
    """Every workload's path, in the plan's order."""
    return [_path(component, plan, known) for component in components(plan)]


def idle_endpoints(plan: Plan, found: list[NetworkPath]) -> list[str]:
    """Services whose endpoint no workload of the plan needs."""
    needed = {way.endpoint for path in found for way in path.ways}
    return sorted(
        str(r.values["service_name"]).split(".", 3)[-1]
        for r in plan.of("aws_vpc_endpoint")
        if r.values.get("id") not in needed
    )


def _path(component: Component, plan: Plan, known: Mapping[str, Role]) -> NetworkPath:
    faults = [*_placed(component, plan), *_routes(component, plan), *_egress(component, plan)]
    role = known.get(component.role)
    if role is None:
        faults.append(f"its role {component.role!r} stands in no plan")
        return NetworkPath(component, (), {}, tuple(faults))
    own: list[Call] = []
    by_aws: dict[str, str] = {}
    for document in role.documents.values():
        calls, services = split(component, document)
        own += calls
        by_aws |= services
    ways = []
    for service in sorted({call.action.partition(":")[0] for call in own}):
        mine = [call for call in own if call.action.startswith(f"{service}:")]
        for name, group in _by_endpoint(mine).items():
            way, missing = _way(name, group, component, role, plan)
            faults += missing
            ways += [way] if way else []
    return NetworkPath(component, tuple(ways), by_aws, tuple(faults))


def _by_endpoint(calls: list[Call]) -> dict[str, list[Call]]:
    found: dict[str, list[Call]] = {}
    for call in calls:
        found.setdefault(endpoint_service(call.action), []).append(call)
    return found


def _placed(component: Component, plan: Plan) -> Iterator[str]:
    if not component.subnets:
        yield "it runs outside the VPC: give it subnets"
    if not component.groups:
        yield "it has no security group of its own: name one"
    known = {r.values.get("id") for r in plan.of("aws_subnet", "aws_security_group", "aws_default_security_group")}
    for name in (*component.subnets, *component.groups):
        if name not in known:
            yield f"{name} stands in no plan, so nobody can say where it leads"


def route_tables(subnet: str, plan: Plan) -> list[str]:
    """The route table of a subnet: its own, or else its network's main one."""
    own = [r.values["route_table_id"] for r in plan.where("aws_route_table_association", subnet_id=subnet)]
    if own:
        return own
    vpcs = {r.values.get("vpc_id") for r in plan.where("aws_subnet", id=subnet)}
    return [str(r.values["default_route_table_id"]) for r in plan.of("aws_vpc") if r.values.get("id") in vpcs]


def _routes(component: Component, plan: Plan) -> Iterator[str]:
    tables = sorted({table for subnet in component.subnets for table in route_tables(subnet, plan)})
    for resource in plan.of("aws_route_table", "aws_default_route_table", "aws_route"):
        values = resource.values
        if values.get("route_table_id" if resource.type == "aws_route" else "id") not in tables:
            continue
        routes = [values] if resource.type == "aws_route" else listed(values.get("route"))
        for route in routes:
            for attribute in _WAYS_OUT:
                if route.get(attribute) not in _HARMLESS:
                    yield f"{resource.address} leads out through {attribute} {route[attribute]}: remove the route"


def _egress(component: Component, plan: Plan) -> Iterator[str]:
    doors = {g for r in plan.of("aws_vpc_endpoint") for g in listed(r.values.get("security_group_ids"))}
    lists = {r.values.get("prefix_list_id") for r in plan.of("aws_vpc_endpoint")} - {None}
    for group in component.groups:
        for rule in egress_rules(group, plan):
            values = rule.values
            to_group = values.get("referenced_security_group_id") or values.get("source_security_group_id")
            inside = to_group in doors or to_group == group
            if to_group and inside:
                continue
            if values.get("prefix_list_id") in lists:
                continue
            goal = to_group or values.get("prefix_list_id") or values.get("cidr_ipv4") or values.get("cidr_ipv6")
            yield f"{rule.address} lets it reach {goal or 'an open range'}, which is no endpoint: remove the rule"
        for own in plan.where("aws_security_group", id=group):
            if listed(own.values.get("egress")):
                yield f"{own.address} has egress rules written inside it: write each as a resource of its own"


def egress_rules(group: str, plan: Plan) -> list[Resource]:
    """The rules that let a security group's members out."""
    old = plan.where("aws_security_group_rule", security_group_id=group, type="egress")
    return [*plan.where("aws_vpc_security_group_egress_rule", security_group_id=group), *old]


def _way(service: str, calls: list[Call], component: Component, role: Role, plan: Plan) -> tuple[Way | None, list[str]]:
    name = f"com.amazonaws.{plan.region}.{service}"
    vpcs = {r.values.get("vpc_id") for r in plan.of("aws_subnet") if r.values.get("id") in component.subnets}
    found = [r for r in plan.where("aws_vpc_endpoint", service_name=name) if r.values.get("vpc_id") in vpcs]
    wanted = ", ".join(sorted({call.action for call in calls}))
    if not found:
        return None, [f"it may call {wanted}, and the VPC has no endpoint {name}: add {service} to network.services"]
    endpoint = found[0]
    faults = list(_reaches(endpoint, component, plan))
    for call in calls:
        faults += [
            f"the policy of the endpoint {name} refuses {call.action} on {resource} (statement {call.statement})"
            for resource in call.resources
            if not admits(endpoint, role, call.action, resource, plan)
        ]
    kind = str(endpoint.values["vpc_endpoint_type"]).lower()
    return Way(service, str(endpoint.values["id"]), kind, tuple(sorted({call.action for call in calls}))), faults


def _reaches(endpoint: Resource, component: Component, plan: Plan) -> Iterator[str]:
    values = endpoint.values
    name = values["service_name"]
    if values["vpc_endpoint_type"] == "Gateway":
        tables = set(listed(values.get("route_table_ids")))
        for subnet in component.subnets:
            if not tables & set(route_tables(subnet, plan)):
                yield f"the endpoint {name} is not in the route table of {subnet}"
        if not any(_allows(rule, "prefix_list_id", {values.get("prefix_list_id")}) for rule in _out(component, plan)):
            yield f"no security group lets it out to the prefix list of {name}"
        return
    if values.get("private_dns_enabled") is not True:
        yield f"the endpoint {name} has no private DNS, so the service's own name leads past it"
    doors = set(listed(values.get("security_group_ids")))
    if not any(_allows(rule, "referenced_security_group_id", doors) for rule in _out(component, plan)):
        yield f"no security group lets it out to the endpoint {name}"
    let_in = [r for d in doors for r in plan.where("aws_vpc_security_group_ingress_rule", security_group_id=d)]
    if not any(_allows(rule, "referenced_security_group_id", set(component.groups)) for rule in let_in):
        yield f"the endpoint {name} does not let its security group in"


def _out(component: Component, plan: Plan) -> list[Resource]:
    return [rule for group in component.groups for rule in egress_rules(group, plan)]


def _allows(rule: Resource, attribute: str, goals: set[str | None]) -> bool:
    values = rule.values
    if values.get(attribute) not in goals - {None}:
        return False
    if values.get("ip_protocol") == "-1":
        return True
    low, high = values.get("from_port"), values.get("to_port")
    return values.get("ip_protocol") == "tcp" and low is not None and high is not None and low <= HTTPS <= high
