"""Small edits that break a planned resource, for fixtures and mutants."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from policies.asl import called
from policies.control import ACCOUNT, Break
from policies.plan import Plan, Resource

Edit = Callable[[Any], None]
_GONE = object()


class NothingToBreakError(Exception):
    """The resource does not have what the edit would break, so it is no mutant."""


def put(path: str, value: Any) -> Break:
    """Set an attribute; ``path`` is dotted, with numbers for members of lists; a backslash keeps a dot in a name."""
    return lambda resource, _: set_at(resource.values, path, value)


def drop(path: str) -> Break:
    """Remove an attribute that is there."""
    return lambda resource, _: set_at(resource.values, path, _GONE)


def set_at(values: Any, path: str, value: Any) -> None:
    """Set (or remove) what lies at ``path``; NothingToBreakError when its parent is missing or it is so already."""
    parts = [part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", path)]
    *parents, last = [int(part) if part.isdigit() else part for part in parts]
    for part in parents:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            raise NothingToBreakError(path) from None
        if values is None:
            raise NothingToBreakError(path)
    present = last in values if isinstance(values, dict) else isinstance(last, int) and last < len(values)
    before = values[last] if present else None
    if before == value or (value is _GONE and before in (None, "", [], {})):
        raise NothingToBreakError(path)
    if value is _GONE:
        del values[last]
    else:
        values[last] = value


def in_document(attribute: str, edit: Edit) -> Break:
    """Edit the JSON document in an attribute; the fixtures' account stands for the plan's."""

    def change(resource: Resource, plan: Plan) -> None:
        text = resource.values.get(attribute)
        if not text:
            raise NothingToBreakError(attribute)
        parsed = json.loads(text)
        edit(parsed)
        after = json.dumps(parsed).replace(ACCOUNT, plan.account)
        if json.loads(text) == parsed:
            raise NothingToBreakError(attribute)
        resource.values[attribute] = after

    return change


def grant(action: str | list[str] | None, resources: str | list[str] = "*", **more: Any) -> Break:
    """Add an Allow statement to a policy; its actions None where ``more`` has NotAction."""
    given = {} if action is None else {"Action": action}
    statement = {"Sid": "Mutant", "Effect": "Allow", **given, "Resource": resources, **more}
    return in_document("policy", lambda doc: doc["Statement"].append(statement))


def without_statements(chosen: Callable[[Mapping[str, Any]], bool], attribute: str = "policy") -> Break:
    """Remove the statements that are chosen."""

    def edit(doc: Any) -> None:
        doc["Statement"] = [s for s in doc["Statement"] if not chosen(s)]
        if not doc["Statement"]:
            neutral = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket", "Resource": "*"}
            doc["Statement"] = [neutral]

    return in_document(attribute, edit)


def each_statement(
    edit: Callable[[dict[str, Any]], object],
    chosen: Callable[[Mapping[str, Any]], bool] = lambda _: True,
    attribute: str = "policy",
) -> Break:
    """Edit every statement that is chosen; there has to be one."""

    def whole(doc: Any) -> None:
        found = [s for s in doc["Statement"] if chosen(s)]
        if not found:
            raise NothingToBreakError(attribute)
        for statement in found:
            edit(statement)

    return in_document(attribute, whole)


def in_task(path: str, value: Any, *calls: str, gone: bool = False) -> Break:
    """Set or remove what lies at ``path`` in the first task that calls one of ``calls`` (default: the first task)."""

    def edit(doc: Any) -> None:
        for state in _all_states(doc):
            if state.get("Type") == "Task" and (not calls or called(state) in calls):
                set_at(state, path, _GONE if gone else value)
                return
        raise NothingToBreakError(str(calls))

    return in_document("definition", edit)


def _all_states(node: Any) -> list[dict[str, Any]]:
    found = []
    for state in node.get("States", {}).values():
        found.append(state)
        for inner in [state.get("ItemProcessor"), *(state.get("Branches") or [])]:
            found += _all_states(inner) if inner else []
    return found


def add(kind: str, **values: Any) -> Break:
    """Plan one more resource."""
    return lambda _, plan: plan.resources.append(Resource(f"{kind}.mutant", kind, values))


def remove(kind: str, chosen: Callable[[Resource, Resource], bool] = lambda *_: True) -> Break:
    """Remove the resources of a type that ``chosen(candidate, subject)`` picks; there has to be one."""

    def change(resource: Resource, plan: Plan) -> None:
        gone = [r for r in plan.of(kind) if chosen(r, resource)]
        if not gone:
            raise NothingToBreakError(kind)
        plan.resources = [r for r in plan.resources if not any(r is other for other in gone)]

    return change


def elsewhere(kind: str, change: Break, chosen: Callable[[Resource, Resource], bool] = lambda *_: True) -> Break:
    """Break the first resource of another type that ``chosen(candidate, subject)`` picks."""

    def whole(resource: Resource, plan: Plan) -> None:
        for other in plan.of(kind):
            if chosen(other, resource):
                change(other, plan)
                return
        raise NothingToBreakError(kind)

    return whole


def grant_in(kind: str, action: str | list[str] | None, resources: str | list[str], **more: Any) -> Break:
    """Grant by a policy of another kind: managed and attached (aws_iam_policy), or inside the role (aws_iam_role)."""
    given = {} if action is None else {"Action": action}
    statement = {"Sid": "Mutant", "Effect": "Allow", **given, "Resource": resources, **more}
    whole = json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    def change(_: Resource, plan: Plan) -> None:
        text = whole.replace(ACCOUNT, plan.account)
        if kind == "aws_iam_policy":
            plan.resources.append(Resource(f"{kind}.mutant", kind, {"name": "mutant", "policy": text}))
            return
        roles = plan.of("aws_iam_role")
        if roles:
            roles[0].values["inline_policy"] = [{"name": "mutant", "policy": text}]
        else:
            plan.resources.append(Resource(f"{kind}.mutant", kind, {"inline_policy": [{"policy": text}]}))

    return change


def _another_job(state_of: Callable[[Any], Any], resource: str, **changed: Any) -> Break:
    """One more job like the first one of the machine, with some of its request changed."""

    def edit(doc: Any) -> None:
        for state in _all_states(doc):
            if called(state) == "sagemaker:createTrainingJob":
                task = json.loads(json.dumps(state)) | {"Resource": resource, "End": True}
                task.pop("Next", None)
                task["Catch"] = [{"ErrorEquals": ["States.ALL"], "Next": "MutantEnd"}]
                spelling = "Parameters" if "Parameters" in task else "Arguments"
                task[spelling] = {**task[spelling], **changed}
                doc["States"]["Mutant"] = state_of({"Mutant": task, "MutantEnd": {"Type": "Fail"}})
                return
        raise NothingToBreakError("a training job")

    return in_document("definition", edit)


def nested_job(**changed: Any) -> Break:
    """One more job, in a branch of a parallel state inside a map."""
    resource = "arn:aws:states:::sagemaker:createTrainingJob.sync"

    def wrapped(inner: Any) -> Any:
        branch = {"StartAt": "Mutant", "States": inner}
        parallel = {"Type": "Parallel", "Branches": [branch], "End": True}
        return {"Type": "Map", "ItemProcessor": {"StartAt": "Both", "States": {"Both": parallel}}, "End": True}

    return _another_job(wrapped, resource, **changed)


def sdk_job(**changed: Any) -> Break:
    """One more job, through Step Functions' general integration."""
    return _another_job(lambda inner: inner["Mutant"] | {"Catch": inner["Mutant"]["Catch"]}, _SDK, **changed)


_SDK = "arn:aws:states:::aws-sdk:sagemaker:createTrainingJob"
