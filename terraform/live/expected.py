"""What should be live, read from Terraform's own state (``terraform show -json``) and from the promoted models.

The configuration of an endpoint is that of the configuration resource beside it, never the endpoint's own attribute:
after an update that SageMaker rolled back, the provider writes the old name there, and calls it a success.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Limits = tuple[int, int]

ERRORS = "-5xx"
"""How the alarm of errors is called, after its endpoint."""


@dataclass(frozen=True)
class Endpoint:
    """One endpoint: what Terraform made for it, and the promoted model as the environment's file has it.

    ``limits`` are the least and the most instances; None where schedules own them.
    """

    name: str
    config: str
    model: str
    url: str
    image: str
    variant: str
    limits: Limits | None
    promoted: Mapping[str, Any]


@dataclass(frozen=True)
class Function:
    """One function: the version behind its alias, its package's checksum, and its provisioned concurrency's limits."""

    name: str
    alias: str
    version: str
    code_sha256: str
    provisioned: Limits | None


@dataclass(frozen=True)
class Alarm:
    """One alarm and those that it tells."""

    name: str
    actions: tuple[str, ...]


@dataclass(frozen=True)
class Expected:
    """Everything that an apply should have left behind."""

    endpoints: tuple[Endpoint, ...]
    functions: tuple[Function, ...]
    alarms: tuple[Alarm, ...]


def read(state: Mapping[str, Any], models: Mapping[str, Mapping[str, Any]]) -> Expected:
    """Read the expectation.

    Parameters
    ----------
    state
        What ``terraform show -json`` prints.
    models
        The promoted models by workload.
    """
    modules = [m for m in _modules((state.get("values") or {}).get("root_module") or {}) if m]
    targets = {
        str(values["resource_id"]): (name, values)
        for module in modules
        for name, values in module.get("aws_appautoscaling_target", [])
    }
    return Expected(
        endpoints=tuple(_endpoint(m, targets, models) for m in modules if "aws_sagemaker_endpoint" in m),
        functions=tuple(_function(m, targets) for m in modules if "aws_lambda_alias" in m),
        alarms=tuple(
            Alarm(str(values["alarm_name"]), tuple(values.get("alarm_actions") or ()))
            for module in modules
            for kind in ("aws_cloudwatch_metric_alarm", "aws_cloudwatch_composite_alarm")
            for _, values in module.get(kind, [])
        ),
    )


def unwatched(state: Mapping[str, Any]) -> list[str]:
    """Addresses of the configurations that were rolled out past the alarm of errors: replaced, they are watched."""
    found: list[str] = []
    for module in _children((state.get("values") or {}).get("root_module") or {}):
        resources = [r for r in module.get("resources", []) if not r.get("deposed_key")]
        endpoints = [r["values"] for r in resources if r["type"] == "aws_sagemaker_endpoint"]
        deployments = [d for values in endpoints for d in values.get("deployment_config") or []]
        watching = [alarm for d in deployments for r in d["auto_rollback_configuration"] for alarm in r["alarms"]]
        if deployments and not any(str(alarm["alarm_name"]).endswith(ERRORS) for alarm in watching):
            found += [r["address"] for r in resources if r["type"] == "aws_sagemaker_endpoint_configuration"]
    return found


def _children(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield module
    for child in module.get("child_modules", []):
        yield from _children(child)


def _modules(module: Mapping[str, Any]) -> Iterator[dict[str, list[tuple[str, Mapping[str, Any]]]]]:
    """The managed resources of each module, by type: their names in the code and their values."""
    for one in _children(module):
        found: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
        for resource in one.get("resources", []):
            if resource["mode"] == "managed" and not resource.get("deposed_key"):
                found.setdefault(resource["type"], []).append((resource["name"], resource["values"]))
        yield found


def _only(module: Mapping[str, list[tuple[str, Mapping[str, Any]]]], kind: str) -> Mapping[str, Any]:
    return module[kind][0][1]


def _endpoint(
    module: Mapping[str, list[tuple[str, Mapping[str, Any]]]],
    targets: Mapping[str, tuple[str, Mapping[str, Any]]],
    models: Mapping[str, Mapping[str, Any]],
) -> Endpoint:
    endpoint, config = _only(module, "aws_sagemaker_endpoint"), _only(module, "aws_sagemaker_endpoint_configuration")
    model = _only(module, "aws_sagemaker_model")
    variant, container = config["production_variants"][0], model["primary_container"][0]
    name = str(endpoint["name"])
    owner, target = targets.get(f"endpoint/{name}/variant/{variant['variant_name']}", ("scheduled", {}))
    promoted = (entry for entry in models.values() if entry.get("model_data_url") == container["model_data_url"])
    return Endpoint(
        name=name,
        config=str(config["name"]),
        model=str(model["name"]),
        url=str(container["model_data_url"]),
        image=str(container["image"]),
        variant=str(variant["variant_name"]),
        limits=None if owner == "scheduled" else (int(target["min_capacity"]), int(target["max_capacity"])),
        promoted=next(promoted, {}),
    )


def _function(
    module: Mapping[str, list[tuple[str, Mapping[str, Any]]]], targets: Mapping[str, tuple[str, Mapping[str, Any]]]
) -> Function:
    function, alias = _only(module, "aws_lambda_function"), _only(module, "aws_lambda_alias")
    name, qualifier = str(alias["function_name"]), str(alias["name"])
    provisioned: Limits | None = None
    for _, values in module.get("aws_lambda_provisioned_concurrency_config", []):
        count = int(values["provisioned_concurrent_executions"])
        _, target = targets.get(f"function:{name}:{qualifier}", ("", {}))
        provisioned = (int(target.get("min_capacity", count)), int(target.get("max_capacity", count)))
    return Function(
        name=name,
        alias=qualifier,
        version=str(alias["function_version"]),
        code_sha256=str(function["source_code_hash"]),
        provisioned=provisioned,
    )
