"""The ARNs that an action is judged on: templates of the Service Authorization Reference, filled from parameters."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from rehearsal.aws.iam import tables
from rehearsal.aws.iam.errors import UnmappedCallError
from rehearsal.aws.iam.members import members
from rehearsal.aws.iam.reference import find_action, reference

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_TWICE_QUALIFIED = re.compile(r"(:function:[^:]+:[^:]+):.+")
_SHORTEST_PART = 4  # letters that two names must share before one may stand for the other


class Scope(NamedTuple):
    """Where a call was made."""

    account: str
    region: str


def resources(service: str, operation: str, action: str, parameters: dict[str, Any], scope: Scope) -> list[str]:
    """Return the ARNs of an action; ``["*"]`` when it has none.

    Raises
    ------
    UnmappedCallError
        When the action is unknown or nothing in the parameters names its resource.
    """
    known = find_action(action)
    if known is None:
        raise UnmappedCallError(f"{service}:{operation}: the Service Authorization Reference has no action {action}")
    name, kinds = known
    arns = reference()[name.partition(":")[0]]["arns"]
    if name in tables.OF_ANY:
        return [_any(arns[tables.OF_ANY[name]], scope)]
    if not kinds or name in tables.WITHOUT_RESOURCE:
        return ["*"]
    found, missing = [], []
    for kind, required in kinds.items():
        filled = _fill(service, arns[kind], parameters, scope) or _by_id(service, kind, arns[kind], parameters, scope)
        found += filled
        if not filled and required:
            missing.append(kind)
    found = list(dict.fromkeys(_narrow(service, name, found)))
    if found:
        return found + ([_any(arns[kind], scope) for kind in missing] if service == "ec2" else [])
    names_one = any(str(value).startswith("arn:") for value in parameters.values())
    if operation.startswith(tables.SEARCHES) and not names_one:
        return ["*"]
    if operation.startswith(tables.MAKES):
        return [_any(arns[kind], scope) for kind in (missing or kinds)]
    raise UnmappedCallError(
        f"{service}:{operation}: none of {', '.join(sorted(parameters)) or 'no parameters'} names a "
        f"{' or '.join(missing or kinds)} for {action}; add a row to VARIABLES in rehearsal/aws/iam/tables.py"
    )


def _narrow(service: str, action: str, arns: list[str]) -> list[str]:
    """Where one name fills several templates, keep those that exist: rules stand on one bus, keys in one object."""
    if service == "events":
        on_bus = [arn for arn in arns if ":rule/" in arn and arn.count("/") == 2 and ":rule/default/" not in arn]
        return on_bus or [arn for arn in arns if ":rule/default/" not in arn]
    if service == "lambda":  # the name may carry its qualifier already
        return [_TWICE_QUALIFIED.sub(r"\1", arn) for arn in arns]
    if service == "s3":
        return [arn for arn in arns if "/" in arn] or arns
    if service == "logs":
        return [arn for arn in arns if ":log-stream:" in arn] or [_group(action, arn) for arn in arns]
    if service == "stepfunctions":
        # An ARN says its own type; templates of other types match it only because a variable may hold colons.
        return [arn for arn in arns if not any(arn.startswith(other + ":") for other in arns)]
    return arns


def _group(action: str, arn: str) -> str:
    """A policy that names a log group ends in ``:*``, but where it is about the group's tags.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    """
    of_tags = action.endswith(("TagResource", "TagsForResource"))
    return arn if of_tags or ":log-group:" not in arn else f"{arn.removesuffix(':*')}:log-stream:"


def _by_id(service: str, kind: str, template: str, parameters: dict[str, Any], scope: Scope) -> list[str]:
    """EC2's resources whose ids say their type, wherever a parameter has them."""
    prefix = tables.EC2_IDS.get(kind) if service == "ec2" else None
    if prefix is None:
        return []
    texts = [item for value in parameters.values() for item in (value if isinstance(value, list) else [value])]
    ids = [text for text in texts if isinstance(text, str) and re.fullmatch(rf"{prefix}-[0-9a-f]+", text)]
    return [_VARIABLE.sub(found, _localised(template, scope)) for found in ids]


def _fill(service: str, template: str, parameters: dict[str, Any], scope: Scope) -> list[str]:
    whole = _whole_arns(template, parameters)
    if whole:
        return whole
    arns = [_localised(template, scope)]
    for variable in _VARIABLE.findall(arns[0]):
        values = _values(service, variable, parameters)
        arns = [arn.replace(f"${{{variable}}}", value) for arn in arns for value in values]
    return arns


def _any(template: str, scope: Scope) -> str:
    return _VARIABLE.sub("*", _localised(template, scope))


def _localised(template: str, scope: Scope) -> str:
    known = {"${Partition}": "aws", "${Region}": scope.region, "${Account}": scope.account}
    for variable, value in known.items():
        template = template.replace(variable, value)
    return template


def _values(service: str, variable: str, parameters: dict[str, Any]) -> list[str]:
    for name in _names(service, variable, parameters):
        values = [str(value) for value in members(parameters, name) if isinstance(value, (str, int))]
        usable = [plain for value in values if (plain := _plain(service, variable, value))]
        if usable:
            return usable
    return []


def _plain(service: str, variable: str, value: str) -> str:
    if service == "sqs" and value.startswith("http"):
        return value.rsplit("/", 1)[-1]
    if value.startswith("arn:"):
        return ""  # of another type of resource: its own template would have matched as a whole
    if service in ("sagemaker", "sagemaker-runtime"):
        return value.lower()  # SageMaker's ARNs carry names in lower case
    if variable == "Alias":
        return value.removeprefix("alias/")
    return value.lstrip("/") if service == "ssm" else value


def _names(service: str, variable: str, parameters: dict[str, Any]) -> list[str]:
    """The row of VARIABLES, the variable's own name, then parameters whose name ends like it, the longest first."""
    rows = {name.lower(): paths for name, paths in tables.VARIABLES.get(service, {}).items()}
    low = variable.lower()
    alike = [
        name
        for name in parameters
        if len(name) >= _SHORTEST_PART
        and name.lower() != low
        and (low.endswith(name.lower()) or name.lower().endswith(low))
    ]
    return [*rows.get(low, ()), variable, *sorted(alike, key=len, reverse=True)]


def _whole_arns(template: str, parameters: dict[str, Any]) -> list[str]:
    """Parameters that are ARNs of this type, such as ``stateMachineArn``."""
    pattern = _pattern(template)
    texts = [item for value in parameters.values() for item in (value if isinstance(value, list) else [value])]
    return [text for text in texts if isinstance(text, str) and text.startswith("arn:") and pattern.fullmatch(text)]


@lru_cache(maxsize=1024)
def _pattern(template: str) -> re.Pattern[str]:
    parts = _VARIABLE.split(template)
    return re.compile("".join(".+" if number % 2 else re.escape(part) for number, part in enumerate(parts)))
