"""Rewrites that change nothing in AWS: no control may fire on them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from policies.control import Control
from policies.mutants.breaking import duplicate, failing
from policies.plan import Plan

Rewrite = Callable[[Plan], int]

DOCUMENTS = {
    "aws_iam_role": "assume_role_policy",
    "aws_iam_role_policy": "policy",
    "aws_kms_key": "policy",
    "aws_s3_bucket_policy": "policy",
    "aws_sns_topic_policy": "policy",
    "aws_vpc_endpoint": "policy",
}


def rewrites() -> dict[str, Rewrite]:
    """All rewrites by name; each changes a plan in place and returns how many resources it touched."""
    found: dict[str, Rewrite] = {}
    for kind, attribute in DOCUMENTS.items():
        for name, edit in _STATEMENT_EDITS.items():
            found[f"{kind}: {name}"] = _in_documents(kind, attribute, edit)
        found[f"{kind}: statements the other way round"] = _in_documents(kind, attribute, None, reverse=True)
        found[f"{kind}: laid out"] = _laid_out(kind, attribute)
    for name, (kind, path, value) in _SETTINGS.items():
        found[name] = _settings(kind, path, value)
    found["state machines: laid out"] = _laid_out("aws_sfn_state_machine", "definition")
    found["state machines: Arguments for Parameters"] = _states(_arguments)
    found["state machines: comments"] = _states(lambda state: state.update(Comment="for people"))
    found["all resources in another order"] = _shuffled
    found["all resources in another module"] = _moved
    return found


def false_alarms(plan: Plan, controls: Sequence[Control]) -> Iterator[tuple[str, frozenset[str]]]:
    """Every rewrite that applies to ``plan``, with the controls that fired on it: none should."""
    base = {name for name, _ in failing(plan, controls)}
    for name, rewrite in rewrites().items():
        rewritten = duplicate(plan)
        if rewrite(rewritten):
            yield name, frozenset(control for control, _ in failing(rewritten, controls)) - base


def _as_list(statement: dict[str, Any]) -> None:
    for key in ("Action", "Resource"):
        if isinstance(statement.get(key), str):
            statement[key] = [statement[key]]


def _as_one(statement: dict[str, Any]) -> None:
    for key in ("Action", "Resource"):
        if isinstance(statement.get(key), list) and len(statement[key]) == 1:
            statement[key] = statement[key][0]


def _capitals(statement: dict[str, Any]) -> None:
    def turned(action: str) -> str:
        return action.upper() if action != "*" else action

    given = statement.get("Action", [])
    statement["Action"] = turned(given) if isinstance(given, str) else [turned(action) for action in given]


def _condition_capitals(statement: dict[str, Any]) -> None:
    for keys in (statement.get("Condition") or {}).values():
        for key in list(keys):
            keys[key.upper()] = keys.pop(key)


def _condition_lists(statement: dict[str, Any]) -> None:
    for keys in (statement.get("Condition") or {}).values():
        for key, value in keys.items():
            keys[key] = value if isinstance(value, list) else [value]


def _everybody(statement: dict[str, Any]) -> None:
    if statement.get("Principal") == {"AWS": "*"}:
        statement["Principal"] = "*"
    elif statement.get("Principal") == "*":
        statement["Principal"] = {"AWS": "*"}


_STATEMENT_EDITS: dict[str, Callable[[dict[str, Any]], None]] = {
    "lists": _as_list,
    "single values": _as_one,
    "actions in capitals": _capitals,
    "condition keys in capitals": _condition_capitals,
    "condition values as lists": _condition_lists,
    "everybody written the other way": _everybody,
    "other Sids": lambda statement: statement.update(Sid="Renamed"),
}

_SETTINGS: dict[str, tuple[str, str, Any]] = {
    "longer retention": ("aws_cloudwatch_log_group", "retention_in_days", 3653),
    "a description for keys": ("aws_kms_key", "description", "another"),
    "memory of functions": ("aws_lambda_function", "memory_size", 1024),
    "newer runtime": ("aws_lambda_function", "runtime", "python3.13"),
    "longer kept dead letters": ("aws_sqs_queue", "message_retention_seconds", 600000),
    "another description of alarms": ("aws_cloudwatch_metric_alarm", "alarm_description", "another"),
    "a description of roles": ("aws_iam_role", "description", "another"),
    "shorter aggregation of flow logs": ("aws_flow_log", "max_aggregation_interval", 600),
    "a name for the VPC": ("aws_vpc", "tags", {"Name": "another"}),
    "another comment of the group": ("aws_sagemaker_model_package_group", "model_package_group_description", "another"),
    "another name of scaling policies": ("aws_appautoscaling_policy", "name", "another"),
    "a description of aliases": ("aws_lambda_alias", "description", "another"),
}


def _in_documents(
    kind: str, attribute: str, edit: Callable[[dict[str, Any]], None] | None, reverse: bool = False
) -> Rewrite:
    def rewrite(plan: Plan) -> int:
        for resource in plan.of(kind):
            document = json.loads(resource.values[attribute])
            if reverse:
                document["Statement"].reverse()
            if edit:
                for statement in document["Statement"]:
                    edit(statement)
            resource.values[attribute] = json.dumps(document)
        return len(plan.of(kind))

    return rewrite


def _laid_out(kind: str, attribute: str) -> Rewrite:
    def rewrite(plan: Plan) -> int:
        for resource in plan.of(kind):
            resource.values[attribute] = json.dumps(json.loads(resource.values[attribute]), indent=3, sort_keys=True)
        return len(plan.of(kind))

    return rewrite


def _settings(kind: str, attribute: str, value: Any) -> Rewrite:
    def rewrite(plan: Plan) -> int:
        for resource in plan.of(kind):
            resource.values[attribute] = value
        return len(plan.of(kind))

    return rewrite


def _states(edit: Callable[[dict[str, Any]], object]) -> Rewrite:
    def visit(node: dict[str, Any]) -> None:
        for state in node["States"].values():
            edit(state)
            for inner in [state.get("ItemProcessor"), *(state.get("Branches") or [])]:
                if inner:
                    visit(inner)

    def rewrite(plan: Plan) -> int:
        for machine in plan.of("aws_sfn_state_machine"):
            document = json.loads(machine.values["definition"])
            visit(document)
            machine.values["definition"] = json.dumps(document)
        return len(plan.of("aws_sfn_state_machine"))

    return rewrite


def _arguments(state: dict[str, Any]) -> None:
    if "Parameters" in state:
        state["Arguments"] = state.pop("Parameters")


def _shuffled(plan: Plan) -> int:
    plan.resources = plan.resources[1::2] + plan.resources[::2]
    return len(plan.resources)


def _moved(plan: Plan) -> int:
    for resource in plan.resources:
        resource.address = f"module.moved.{resource.address}"
    return len(plan.resources)
