"""Do the settings agree with the workloads and functions that exist, and the environments with each other?"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from itertools import combinations

from terraform.stacks.settings import Problem, Settings
from terraform.stacks.settings.errors import closest, unknown_name_remedy
from terraform.stacks.specs import FunctionSpec, WorkloadSpec

Problems = Iterator[Problem]


def disagreements(
    settings: Settings, workloads: Mapping[str, WorkloadSpec], functions: Mapping[str, FunctionSpec]
) -> Problems:
    """Yield what the settings ask for that the repository does not hold, and the reverse."""
    for name, workload in settings.workloads.items():
        key = f"workloads.{name}"
        spec = workloads.get(name)
        if spec is None:
            remedy = unknown_name_remedy(name, workloads)
            yield Problem(key, "a folder of training/workloads", remedy, name)
            continue
        for function in sorted(set(workload.functions) - set(functions)):
            remedy = unknown_name_remedy(function, functions)
            yield Problem(f"{key}.functions.{function}", "a folder of functions", remedy, function)
        for function in sorted(set(functions) - set(workload.functions)):
            yield Problem(f"{key}.functions.{function}", "the capacity of every function", "add it with 'reserved'")
        instance = workload.endpoint.instance_type
        if instance not in spec.inference.instance_types and not settings.loosened.instance_types:
            listed = ", ".join(spec.inference.instance_types)
            expected = f"an instance type that the workload was measured on ({listed})"
            remedy = "choose one of them, measure the new one and add it to inference.instance_types of workload.yaml"
            yield Problem(f"{key}.endpoint.instance_type", expected, remedy, instance)
        yield from _hyperparameters(f"{key}.training.hyperparameters", workload.training.hyperparameters, spec)


def _hyperparameters(key: str, given: Mapping[str, object], spec: WorkloadSpec) -> Problems:
    known = spec.training.hyperparameters
    for name, value in given.items():
        if name not in known:
            guess = closest(name, known)
            remedy = f"did you mean '{guess}'?" if guess else f"use one of: {', '.join(sorted(known))}"
            yield Problem(f"{key}.{name}", f"a hyperparameter of '{spec.name}'", remedy, value)


def overlaps(environments: Mapping[str, Settings]) -> Iterator[tuple[str, Problem]]:
    """Yield environments of one owner whose networks could never be joined, because their ranges overlap."""
    for (first, one), (second, two) in combinations(sorted(environments.items()), 2):
        if ipaddress.ip_network(one.network.cidr).overlaps(ipaddress.ip_network(two.network.cidr)):
            expected = f"a range apart from '{first}' ({one.network.cidr})"
            yield second, Problem("network.cidr", expected, "choose another range", two.network.cidr)
