"""Ask for what a service is about to do on behalf of a resource, and hear no where policies say no.

The duties stand in :mod:`.duties`. A verdict is remembered for a few seconds while nothing changes: an endpoint writes
logs several times a second.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from rehearsal.aws.iam import decide
from rehearsal.aws.iam.decide import AccessDeniedError, as_role, as_service
from rehearsal.aws.iam.duties import DUTIES
from rehearsal.aws.iam.mapping import Check
from rehearsal.aws.iam.memory import remembered

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rehearsal.aws.context import Acting, Context

log = logging.getLogger(__name__)

_FRESH_SECONDS = 5.0
_OF_FUNCTION = {"function log stream", "function traces"}
"""Duties of Lambda in which it names the function, as it does in the calls of the function's own code."""


def demand(duty: str, acting: Acting, resources: Iterable[str] = ("*",), keys: Mapping[str, str] | None = None) -> None:
    """Ask for a duty's actions on every one of ``resources``, with the role.

    Raises
    ------
    AccessDeniedError
        Where refusals are enforced; the message is AWS's.
    """
    if not decide.deciding():
        return
    row = DUTIES[duty]
    refusal = _verdict(duty, acting, row.actions, tuple(resources), tuple(sorted((keys or {}).items())), _moment())
    if refusal:
        raise AccessDeniedError(refusal)


def may(duty: str, acting: Acting, resources: Iterable[str] = ("*",), keys: Mapping[str, str] | None = None) -> bool:
    """Ask like :func:`demand`; False instead of the error, for a service that goes on without."""
    try:
        demand(duty, acting, resources, keys)
    except AccessDeniedError as error:
        log.warning("%s: %s", duty, error)
        return False
    return True


def demand_call(
    duty: str,
    service: str,
    operation: str,
    parameters: dict[str, Any],
    *,
    source: str = "",
    acting: Acting | None = None,
) -> None:
    """Ask for an API call, with what it needs of keys and roles: with the role, or else in the service's own name.

    Raises
    ------
    AccessDeniedError
        Where refusals are enforced.
    """
    needed = decide.needs(service, operation, parameters)
    if acting is None:
        as_service(DUTIES[duty].service, duty, needed, source=source)
    else:
        as_role(acting, duty, needed)


def write_logs(context: Context, duty: str, acting: Acting, group: str, stream: str, lines: Iterable[str]) -> None:
    """Write logs with the role; without the permission they are lost, as on AWS."""
    base = f"arn:aws:logs:{context.region}:{context.account_id}:log-group:{group}"
    ready = group_exists(context, group) or _may_make(duty, acting, base)
    if ready and may(duty, acting, [f"{base}:log-stream:{stream}"]):
        context.put_logs(group, stream, lines)


@remembered
def _verdict(
    duty: str,
    acting: Acting,
    actions: tuple[str, ...],
    resources: tuple[str, ...],
    keys: tuple[tuple[str, str], ...],
    _moment: int,
) -> str:
    """Return AWS's message of a refusal that is enforced, else ""."""
    context: dict[str, str | list[str]] = dict(keys)
    if duty in _OF_FUNCTION:
        context["lambda:SourceFunctionArn"] = acting.source
    try:
        needed = [Check(action, resource) for action in actions for resource in resources]
        as_role(acting, duty, needed, keys=context)
    except AccessDeniedError as error:
        return str(error)
    return ""


def _may_make(duty: str, acting: Acting, base: str) -> bool:
    """Ask for the group itself. On AWS its ARN ends in an empty stream in every action but those on tags."""
    if not decide.deciding():
        return True
    actions = ("logs:CreateLogGroup",)
    return not _verdict(duty, acting, actions, (f"{base}:log-stream:",), (), _moment())


def group_exists(context: Context, group: str) -> bool:
    """Whether there is a log group of this name."""
    from moto.logs.models import logs_backends

    return group in logs_backends[context.account_id][context.region].groups


def _moment() -> int:
    return int(time.monotonic() / _FRESH_SECONDS)
