"""Roles that a call hands over to a service, for iam:PassRole: found in the service's own model.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from rehearsal.aws.iam import tables
from rehearsal.aws.iam.errors import UnmappedCallError
from rehearsal.aws.iam.members import members

_ROLE_NAME = re.compile(r"(?i).*role(arn)?")
_DEPTH = 6


def passed_roles(service: str, operation: str, parameters: dict[str, Any], account: str) -> list[tuple[str, str]]:
    """Return (role ARN, service that gets it) of a call.

    Raises
    ------
    UnmappedCallError
        When no row says to whom the service passes roles.
    """
    row = tables.PASSED_ROLES.get((service, operation))
    paths = (row[0],) if row else role_paths(service, operation)
    roles = [value for path in paths for value in members(parameters, path) if isinstance(value, str) and value]
    if service == "sns":
        roles += _feedback_roles(parameters)
    if not roles:
        return []
    receiver = row[1] if row else tables.PASSED_TO.get(service)
    if receiver is None:
        raise UnmappedCallError(
            f"{service}:{operation} hands over a role; PASSED_TO in tables.py has no row for {service}"
        )
    arns = [role if role.startswith("arn:") else f"arn:aws:iam::{account}:role/{role}" for role in roles]
    return [(arn, receiver) for arn in dict.fromkeys(arns)]


def _feedback_roles(parameters: dict[str, Any]) -> list[str]:
    """Roles that write down deliveries: attributes of a topic, given as a map or one at a time.

    Source: https://docs.aws.amazon.com/sns/latest/dg/sns-topic-attributes.html
    """
    given = dict(parameters.get("Attributes") or {})
    given[str(parameters.get("AttributeName"))] = parameters.get("AttributeValue")
    return [str(value) for name, value in given.items() if name.endswith("FeedbackRoleArn") and value]


@lru_cache(maxsize=2048)
def role_paths(service: str, operation: str) -> tuple[str, ...]:
    """Return the members of an operation's input that hold a role: by their pattern or their name."""
    if service in tables.NOT_PASSED or operation.startswith(tables.READS) or service == "iam":
        return ()
    from rehearsal.aws.iam.models import service_model

    shape = service_model(service).operation_model(operation).input_shape
    found: list[str] = []
    if shape is not None:
        _walk(shape, [], found)
    return tuple(found)


def _walk(shape: Any, path: list[str], found: list[str]) -> None:
    if len(path) > _DEPTH:
        return
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            _walk(member, [*path, name], found)
    elif shape.type_name == "list":
        _walk(shape.member, path, found)
    elif shape.type_name == "string" and path:
        pattern = str(shape.metadata.get("pattern") or "")
        if ":role" in pattern or _ROLE_NAME.fullmatch(path[-1]):
            found.append(".".join(path))
