"""Do the settings agree with the workloads and functions that exist, and the environments with each other?"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from itertools import combinations

from terraform.stacks.settings import Problem, Settings
from terraform.stacks.settings.checks import reserved_concurrency
from terraform.stacks.settings.errors import unknown_name_remedy
from terraform.stacks.settings.root import UNRESERVED_CONCURRENCY
from terraform.stacks.settings.workload import Function
from terraform.stacks.specs import Hyperparameter, Specs, WorkloadSpec

Problems = Iterator[Problem]


def disagreements(settings: Settings, specs: Specs) -> Problems:
    """Yield what the settings ask for that the repository does not hold, and the reverse."""
    for name, workload in settings.workloads.items():
        key = f"workloads.{name}"
        spec = specs.workloads.get(name)
        if spec is None:
            yield Problem(key, "a folder of training/workloads", unknown_name_remedy(name, specs.workloads), name)
            continue
        yield from _functions(f"{key}.functions", workload.functions, spec, specs)
        for companion in sorted(set(spec.companions) - set(settings.workloads)):
            remedy = f"add it beside '{name}', whose functions ask its endpoint"
            yield Problem(f"workloads.{companion}", f"a companion of '{name}'", remedy)
        yield from _hyperparameters(f"{key}.training.hyperparameters", workload.training.hyperparameters, spec)
        instance = workload.endpoint.instance_type
        if instance not in spec.inference.instance_types and not settings.loosened.instance_types:
            listed = ", ".join(spec.inference.instance_types)
            expected = f"an instance type that the workload was measured on ({listed})"
            remedy = (
                "choose one of them, or measure the new one and add it to inference.instance_types of workload.yaml"
            )
            yield Problem(f"{key}.endpoint.instance_type", expected, remedy, instance)


def _functions(key: str, capacities: Mapping[str, Function], spec: WorkloadSpec, specs: Specs) -> Problems:
    for name in sorted(set(spec.functions) - set(specs.functions)):
        remedy = f"{unknown_name_remedy(name, specs.functions)}, in training/workloads/{spec.name}/workload.yaml"
        yield Problem(f"{key}.{name}", "a folder of functions", remedy, name)
    for name in sorted(set(capacities) - set(spec.functions)):
        remedy = unknown_name_remedy(name, spec.functions)
        yield Problem(f"{key}.{name}", f"one of the functions of '{spec.name}'", remedy, name)
    for name in sorted(set(spec.functions) - set(capacities)):
        yield Problem(f"{key}.{name}", "the capacity of every function", "add it with 'reserved'")
    if spec.workflow:
        for name in sorted(specs.called.get(spec.workflow.definition, frozenset()) - set(spec.functions)):
            remedy = f"add it to functions in training/workloads/{spec.name}/workload.yaml"
            yield Problem(f"{key}.{name}", f"a function that {spec.workflow.definition} calls", remedy)
    fan_out = specs.fan_out.get(spec.workflow.definition, {}) if spec.workflow else {}
    for name, capacity in capacities.items():
        needed = fan_out.get(name, 0)
        if capacity.reserved < needed:
            expected = f"at least the {needed} executions that the workflow runs at the same time"
            remedy = f"raise it to {needed}, or the surplus is throttled and tried again"
            yield Problem(f"{key}.{name}.reserved", expected, remedy, capacity.reserved)


def _hyperparameters(key: str, given: Mapping[str, object], spec: WorkloadSpec) -> Problems:
    known = spec.training.hyperparameters
    for name, value in given.items():
        if name not in known:
            yield Problem(f"{key}.{name}", f"one of '{spec.name}'", unknown_name_remedy(name, known), value)
        elif expected := _unmet(known[name], value):
            yield Problem(f"{key}.{name}", expected, "change the value, or the range in workload.yaml", value)


def _unmet(declared: Hyperparameter, value: object) -> str | None:
    """Say what a hyperparameter demands, where a value does not meet it."""
    kinds = {"boolean": (bool,), "integer": (int,), "number": (int, float), "string": (str,)}
    # A bool is an int in Python, not in a workload.
    if not isinstance(value, kinds[declared.type]) or (isinstance(value, bool) and declared.type != "boolean"):
        return f"a value of type {declared.type}"
    if declared.choices and value not in declared.choices:
        return f"one of {', '.join(declared.choices)}"
    if isinstance(value, int | float):
        if declared.min is not None and value < declared.min:
            return f"at least {declared.min:g}"
        if declared.max is not None and value > declared.max:
            return f"at most {declared.max:g}"
    return None


def overlaps(environments: Mapping[str, Settings]) -> Iterator[tuple[str, Problem]]:
    """Yield environments whose networks could never be joined, and those that starve each other of concurrency."""
    yield from _shared_concurrency(environments)
    for (first, one), (second, two) in combinations(sorted(environments.items()), 2):
        if ipaddress.ip_network(one.network.cidr).overlaps(ipaddress.ip_network(two.network.cidr)):
            expected = f"a range apart from '{first}' ({one.network.cidr})"
            yield second, Problem("network.cidr", expected, "choose another range", two.network.cidr)


def _shared_concurrency(environments: Mapping[str, Settings]) -> Iterator[tuple[str, Problem]]:
    """Yield environments that reserve together more than the account which they share has to give."""
    taken: dict[tuple[str, str], int] = {}
    for name, settings in sorted(environments.items()):
        place = (settings.account_id, settings.region)
        mine = reserved_concurrency(settings)
        before = taken.get(place, 0)
        taken[place] = before + mine
        available = settings.concurrency_quota - UNRESERVED_CONCURRENCY
        if before and before + mine > available >= mine:
            expected = f"at most {available - before}, what the other environments of account {place[0]} leave"
            remedy = "lower 'reserved' in one of them, raise the quota and concurrency_quota, or use another account"
            yield name, Problem("workloads", expected, remedy, mine)
