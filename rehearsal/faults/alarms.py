"""The alarms of the Terraform modules, with the values of the rehearsal's environment, for resources made by hand.

Read from the modules themselves, so that a drill fires the alarm that production has, at its threshold. Only the forms
that alarms are written in are understood: names, values of variables, and products of numbers.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import hcl2

from rehearsal.faults.errors import DrillError
from terraform.command import ENVIRONMENTS, ROOT

_MODULES = ROOT / "terraform" / "modules"
_ENVIRONMENT = ENVIRONMENTS / "rehearsal" / "main.tf.json"
_REFERENCE = re.compile(r"(var|local)\.([\w.]+)")
_TEMPLATE = re.compile(r"\$\{([^{}]+)\}")
_DEFAULT = re.compile(r"(\w+)\s*=\s*optional\(\w+,\s*([\d.]+)\)")
_REQUEST = {
    "alarm_name": "AlarmName",
    "namespace": "Namespace",
    "metric_name": "MetricName",
    "statistic": "Statistic",
    "extended_statistic": "ExtendedStatistic",
    "period": "Period",
    "evaluation_periods": "EvaluationPeriods",
    "datapoints_to_alarm": "DatapointsToAlarm",
    "comparison_operator": "ComparisonOperator",
    "threshold": "Threshold",
    "treat_missing_data": "TreatMissingData",
    "alarm_actions": "AlarmActions",
    "ok_actions": "OKActions",
}


def request(module: str, alarm: str, *, instance: str, name: str, topic: str) -> dict[str, Any]:
    """Return PutMetricAlarm's input for one alarm of a module.

    Parameters
    ----------
    module, alarm
        Folder of the module and name of the resource in its ``alarms.tf``.
    instance
        The module's call in the rehearsal's environment, whose values hold.
    name
        What the made resource is called, in place of the environment's.
    topic
        ARN of the topic that is told.

    Raises
    ------
    DrillError
        When the module has no such alarm, or writes it in a form that is not understood.
    """
    blocks = [block for file in ("main", "alarms") for block in _parsed(module, file).get("locals", [])]
    found = [
        resource[kind][one]
        for resource in _parsed(module, "alarms")["resource"]
        for kind in resource
        for one in resource[kind]
        if _plain(one) == alarm
    ]
    if len(found) != 1:
        raise DrillError(f"terraform/modules/{module}/alarms.tf has {len(found)} alarms named {alarm!r}, expected one")
    inputs = _inputs(module, instance) | {"name": name}
    inputs["alarms"] = {**_defaults(module), **inputs["alarms"], "topic_arn": topic}
    scope = {"var": inputs, "local": {key: value for block in blocks for key, value in block.items()}}
    made = {ours: _value(found[0][theirs], scope) for theirs, ours in _REQUEST.items() if theirs in found[0]}
    dimensions = _value(found[0]["dimensions"], scope)
    return {**made, "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()]}


def variant() -> str:
    """Return the name of the endpoint module's variant."""
    scope = {"var": {}, "local": {k: v for block in _parsed("endpoint", "main")["locals"] for k, v in block.items()}}
    return str(_value("${local._variant}", scope))


def inputs(instance: str) -> dict[str, Any]:
    """Return what the rehearsal's environment gives to one of its modules."""
    return dict(_environment()["module"][instance])


def _inputs(module: str, instance: str) -> dict[str, Any]:
    called = inputs(instance)
    if not called["source"].endswith(f"/{module}"):
        raise DrillError(f"{_ENVIRONMENT}: {instance} is a {called['source']}, expected the module {module}")
    return called


def _value(written: Any, scope: dict[str, Any]) -> Any:
    if isinstance(written, list):
        return [_value(one, scope) for one in written]
    if isinstance(written, dict):
        return {key: _value(value, scope) for key, value in written.items() if not key.startswith("__")}
    if not isinstance(written, str):
        return written
    whole = _TEMPLATE.fullmatch(written)
    if whole:
        return _expression(whole.group(1), scope)
    return _TEMPLATE.sub(lambda found: str(_expression(found.group(1), scope)), _plain(written))


def _expression(text: str, scope: dict[str, Any]) -> Any:
    factors = [_factor(part.strip(), scope) for part in text.split("*")]
    if len(factors) == 1:
        return factors[0]
    product = 1.0
    for factor in factors:
        product *= float(factor)
    return product


def _factor(text: str, scope: dict[str, Any]) -> Any:
    if re.fullmatch(r"[\d.]+", text):
        return float(text)
    reference = _REFERENCE.fullmatch(text)
    if reference is None:
        raise DrillError(f"{text!r} in an alarm of Terraform is not understood: teach rehearsal/faults/alarms.py")
    found = scope[reference.group(1)]
    for part in reference.group(2).split("."):
        if part not in found:
            raise DrillError(f"{text!r} in an alarm of Terraform has no value in {_ENVIRONMENT}: give it one")
        found = found[part]
    return _value(found, scope)


def _plain(text: str) -> str:
    return text[1:-1] if text.startswith('"') and text.endswith('"') else text


@cache
def _parsed(module: str, file: str) -> dict[str, Any]:
    with (_MODULES / module / f"{file}.tf").open(encoding="utf-8") as text:
        return dict(hcl2.load(text))


@cache
def _environment() -> dict[str, Any]:
    return dict(json.loads(_ENVIRONMENT.read_text(encoding="utf-8")))


def _defaults(module: str) -> dict[str, float]:
    """Return the defaults of the variable ``alarms``, which Terraform fills in where an environment is silent."""
    text = (_MODULES / module / "variables.tf").read_text(encoding="utf-8")
    block = re.search(r'variable "alarms" \{.*?\n\}\n', text, re.DOTALL)
    return {name: float(value) for name, value in _DEFAULT.findall(block.group(0))} if block else {}
