"""What must agree between two settings. Each rule is a small generator of problems; the order is that of the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from terraform.stacks import instances
from terraform.stacks.names import LIMITS, Names
from terraform.stacks.settings.errors import Problem
from terraform.stacks.settings.network import SUBNET_SMALLEST_PREFIX, subnet_prefix
from terraform.stacks.settings.root import UNRESERVED_CONCURRENCY, Settings
from terraform.stacks.settings.workload import Provisioned, Workload

Problems = Iterator[Problem]
SAFE_LOG_RETENTION_DAYS = 365
SAFE_DELETION_WINDOW_DAYS = 30


def problems_in(settings: Settings) -> Problems:
    """Yield everything that is wrong with settings whose single values are right."""
    for rule in _RULES:
        yield from rule(settings)


def _accounts(settings: Settings) -> Problems:
    if not settings.administrators:
        remedy = "name the roles that administer the keys, the one that runs Terraform among them"
        yield Problem("administrators", "a role at least", remedy, settings.administrators)
    arns = {f"administrators[{index}]": arn for index, arn in enumerate(settings.administrators)}
    arns["boundary.arn"] = settings.boundary.arn
    arns |= _people_by_key(settings)
    for key, arn in arns.items():
        if arn.split(":")[4] != settings.account_id:
            remedy = "correct one of the two: nobody outside the account administers it"
            yield Problem(key, f"an ARN of account_id '{settings.account_id}'", remedy, arn)


def _people_by_key(settings: Settings) -> dict[str, str]:
    lists = {"people.operators": settings.people.operators, "people.approvers": settings.people.approvers}
    return {f"{key}[{index}]": arn for key, arns in lists.items() for index, arn in enumerate(arns)}


def _people(settings: Settings) -> Problems:
    seen: set[tuple[str, str]] = set()
    for key, arn in _people_by_key(settings).items():
        kind = key.partition("[")[0]
        if (kind, arn) in seen:
            yield Problem(key, "everybody once", "remove the repeated entry", arn)
        seen.add((kind, arn))
        if ":user/" in arn and settings.environment != "rehearsal":
            remedy = "name the role that the person signs in with: the keys of a user never expire"
            yield Problem(key, "the ARN of an IAM role", remedy, arn)
        if settings.production and kind == "people.approvers" and arn in settings.people.operators:
            remedy = "take it out of people.operators or of people.approvers: nobody approves what they trained"
            yield Problem(key, "somebody who is not an operator in production", remedy, arn)


def _outside_access(settings: Settings) -> Problems:
    seen: set[str] = set()
    for index, entry in enumerate(settings.outside_access):
        key = f"outside_access[{index}]"
        if entry.name in seen:
            yield Problem(f"{key}.name", "a name of its own", "merge it with the entry of that name", entry.name)
        seen.add(entry.name)


def _state(settings: Settings) -> Problems:
    if settings.state.local and settings.environment != "rehearsal":
        remedy = "give 's3': state on one laptop is lost with it, and locks nobody out"
        yield Problem("state.local", f"a bucket for '{settings.environment}'", remedy, value=True)


def _network(settings: Settings) -> Problems:
    network = settings.network
    prefix = subnet_prefix(network.cidr, len(network.zones))
    if prefix > SUBNET_SMALLEST_PREFIX:
        needed = SUBNET_SMALLEST_PREFIX - (len(network.zones) - 1).bit_length()
        expected = f"room for {len(network.zones)} subnets of at least /{SUBNET_SMALLEST_PREFIX}"
        yield Problem("network.cidr", expected, f"use a /{needed} or larger, or fewer zones", network.cidr)
    for index, zone in enumerate(network.zones):
        if zone[:-1] != settings.region:
            yield Problem(f"network.zones[{index}]", f"a zone of '{settings.region}'", "correct zone or region", zone)
    if network.endpoint_zones and network.endpoint_zones > len(network.zones):
        expected = f"at most the {len(network.zones)} zones of network.zones"
        remedy = "lower it, or leave it out to use all zones"
        yield Problem("network.endpoint_zones", expected, remedy, network.endpoint_zones)


class Departure(NamedTuple):
    """A safe default that can be given up with a reason: the key of `loosened`, and where the default stands."""

    name: str
    key: str
    value: object
    default: str
    departs: bool


def _departures(settings: Settings) -> tuple[Departure, ...]:
    window, retention = settings.keys.deletion_window_days, settings.logs.retention_days
    zones, emails = settings.network.endpoint_zones, settings.alerts.emails
    return (
        Departure(
            "deletion_window",
            "keys.deletion_window_days",
            window,
            f"{SAFE_DELETION_WINDOW_DAYS} days to rescue a deleted key",
            window < SAFE_DELETION_WINDOW_DAYS,
        ),
        Departure(
            "log_retention",
            "logs.retention_days",
            retention,
            f"at least {SAFE_LOG_RETENTION_DAYS} days of logs",
            retention < SAFE_LOG_RETENTION_DAYS,
        ),
        Departure("no_alert_emails", "alerts.emails", emails, "somebody whom alarms reach", not emails),
        Departure(
            "single_endpoint_zone", "network.endpoint_zones", zones, "endpoints in two zones or more", zones == 1
        ),
    )


def _loosened(settings: Settings) -> Problems:
    """A default is given up only with a reason, and a reason stands only where something is given up."""
    for name, key, value, default, departs in _departures(settings):
        reason = getattr(settings.loosened, name)
        if departs and settings.production:
            yield Problem(key, f"{default} in production", "restore the default", value)
        elif departs and not reason:
            yield Problem(key, default, f"restore the default, or write 'loosened.{name}' with the reason", value)
        elif reason and not departs:
            yield Problem(f"loosened.{name}", "a default that is given up", "remove it: nothing needs it", reason)
    if settings.production and settings.loosened.force_destroy:
        remedy = "remove it: production data is not deleted with its bucket"
        yield Problem("loosened.force_destroy", "nothing in production", remedy, settings.loosened.force_destroy)


def _instances(settings: Settings) -> Problems:
    unlisted = [
        (f"workloads.{name}.{key}", value, allowed)
        for name, workload in settings.workloads.items()
        for key, value, allowed in (
            ("training.instance_type", workload.training.instance_type, instances.TRAINING),
            ("endpoint.instance_type", workload.endpoint.instance_type, instances.ENDPOINT),
        )
        if value and value not in allowed
    ]
    reason = settings.loosened.instance_types
    if reason and not unlisted:
        yield Problem("loosened.instance_types", "an instance type off the list", "remove it: nothing needs it", reason)
    for key, value, allowed in () if reason else unlisted:
        remedy = f"use one of {', '.join(sorted(allowed))}, or write 'loosened.instance_types' with the reason"
        yield Problem(key, "an instance type of the list", remedy, value)


def reserved_concurrency(settings: Settings) -> int:
    """Sum up what the functions of an environment reserve of their account's concurrency."""
    return sum(
        function.reserved for workload in settings.workloads.values() for function in workload.functions.values()
    )


def _concurrency(settings: Settings) -> Problems:
    available = settings.concurrency_quota - UNRESERVED_CONCURRENCY
    reserved = reserved_concurrency(settings)
    for name, workload in settings.workloads.items():
        for function, capacity in workload.functions.items():
            key = f"workloads.{name}.functions.{function}"
            provisioned = capacity.provisioned
            if provisioned:
                yield from _provisioned(f"{key}.provisioned", provisioned, capacity.reserved)
            if settings.production and not provisioned and not capacity.on_demand:
                remedy = "add 'provisioned: {min, max}', or 'on_demand' with the reason why cold starts are fine here"
                yield Problem(f"{key}.provisioned", "it to be set in production", remedy)
            if provisioned and capacity.on_demand:
                yield Problem(f"{key}.on_demand", "it absent beside 'provisioned'", "remove one", capacity.on_demand)
    if reserved > available:
        expected = (
            f"reserved concurrency of at most {available} in sum ({settings.concurrency_quota} less 100 unreserved)"
        )
        yield Problem("workloads", expected, "lower 'reserved', or raise the quota and concurrency_quota", reserved)


def _provisioned(key: str, provisioned: Provisioned, reserved: int) -> Problems:
    limits = {"": (provisioned.min, provisioned.max)}
    limits |= {f".schedules.{label}": (entry.min, entry.max) for label, entry in provisioned.schedules.items()}
    for place, (low, high) in limits.items():
        if low > high:
            yield Problem(f"{key}{place}.min", f"at most max ({high})", "swap min and max", low)
        if high > reserved:
            remedy = "raise reserved or lower max: provisioned concurrency is a part of the reserved"
            yield Problem(f"{key}{place}.max", f"at most reserved ({reserved})", remedy, high)


def _endpoints(settings: Settings) -> Problems:
    for name, workload in settings.workloads.items():
        key = f"workloads.{name}.endpoint"
        scaling = workload.endpoint.scaling
        limits = {"scaling": (scaling.min, scaling.max)}
        limits |= {f"scaling.schedules.{label}": (entry.min, entry.max) for label, entry in scaling.schedules.items()}
        for place, (low, high) in limits.items():
            if low > high:
                yield Problem(f"{key}.{place}.min", f"at most max ({high})", "swap min and max", low)
            if settings.production and low < 2:
                remedy = "raise it: one instance is one zone, and no canary"
                yield Problem(f"{key}.{place}.min", "at least 2 instances in production", remedy, low)
        if scaling.scale_in_cooldown_s < scaling.scale_out_cooldown_s:
            expected = f"at least scale_out_cooldown_s ({scaling.scale_out_cooldown_s})"
            remedy = "raise it, or lower the other: a fleet that shrinks faster than it grows drops requests"
            yield Problem(f"{key}.scaling.scale_in_cooldown_s", expected, remedy, scaling.scale_in_cooldown_s)
        if settings.production and scaling.max == scaling.min:
            yield Problem(f"{key}.scaling.max", f"more than min ({scaling.min}) in production", "raise it", scaling.max)
        if settings.production and workload.endpoint.rollout.type == "ALL_AT_ONCE":
            remedy = (
                "choose CANARY or LINEAR: a bad model must meet few requests before the alarms bring the old one back"
            )
            yield Problem(f"{key}.rollout.type", "a gradual rollout in production", remedy, "ALL_AT_ONCE")


def _names(settings: Settings) -> Problems:
    names = Names(settings.environment, settings.account_id, settings.region)
    for workload, content in settings.workloads.items():
        for kind, name in _derived_names(names, workload, content):
            excess = len(name) - LIMITS[kind]
            if excess > 0:
                expected = f"a name that leaves '{name}' within the {LIMITS[kind]} characters of a {kind}"
                yield Problem(f"workloads.{workload}", expected, f"shorten it by {excess}", workload)
                break


def _derived_names(names: Names, workload: str, content: Workload) -> Iterator[tuple[str, str]]:
    yield "endpoint", names.workload(workload)
    yield "training job's prefix", names.workload(workload)
    yield "state machine", f"{names.workload(workload)}-classify"
    for function in content.functions:
        yield "function", names.function(workload, function)
        yield "role", names.function(workload, function)


def _function_names(settings: Settings) -> Problems:
    for name, workload in settings.workloads.items():
        for function in workload.functions:
            if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", function):
                key = f"workloads.{name}.functions.{function}"
                yield Problem(key, "the name of a folder under functions/", "write it in snake_case", function)


_RULES: tuple[Callable[[Settings], Problems], ...] = (
    _accounts,
    _people,
    _outside_access,
    _state,
    _network,
    _loosened,
    _instances,
    _concurrency,
    _endpoints,
    _function_names,
    _names,
)
