"""Requests held against botocore's service model, which is AWS's own description of the API.

botocore checks names, types and required members (ParamValidator) before it sends; enumerations, patterns and upper
limits it leaves to the service. They stand in the same model, so they are checked here too: a mistake costs no call.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from training.errors import JobError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def check(operation: str, request: Mapping[str, Any]) -> None:
    """Refuse a request that AWS's model does not allow.

    Raises
    ------
    JobError
        With the path of the first member that is wrong, its value, and the rule it breaks.
    """
    from botocore.validate import ParamValidator  # noqa: PLC0415  (its import and the model take most of a second)

    shape = model().operation_model(operation).input_shape
    if report := ParamValidator().validate(dict(request), shape).generate_report():
        raise JobError(operation, report.splitlines()[0], "mend the request: botocore refuses it")
    for path, value, rule in violations(shape, request):
        raise JobError(path, value, rule)


@lru_cache(maxsize=1)
def model() -> Any:
    """botocore's model of SageMaker."""
    import botocore.session  # noqa: PLC0415  (see `check`)

    return botocore.session.get_session().get_service_model("sagemaker")


def violations(shape: Any, value: Any, path: str = "") -> Iterator[tuple[str, Any, str]]:
    """Yield path, value and rule of each enumeration, pattern and upper limit that is broken."""
    kind = shape.type_name
    if kind == "structure":
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from violations(member, value[name], f"{path}.{name}" if path else name)
    elif kind == "list":
        yield from _longest(shape, value, path, "entries")
        for index, item in enumerate(value):
            yield from violations(shape.member, item, f"{path}[{index}]")
    elif kind == "map":
        yield from _longest(shape, value, path, "entries")
        for key, item in value.items():
            yield from violations(shape.key, key, path)
            yield from violations(shape.value, item, f"{path}.{key}")
    elif kind == "string":
        yield from _string(shape, value, path)
    elif kind in {"integer", "long", "float", "double"}:
        limit = shape.metadata.get("max")
        if limit is not None and value > limit:
            yield path, value, f"must be at most {limit}"


def _string(shape: Any, value: str, path: str) -> Iterator[tuple[str, Any, str]]:
    allowed, pattern = shape.metadata.get("enum"), shape.metadata.get("pattern")
    if allowed and value not in allowed:
        near = [one for one in allowed if one.split(".")[:2] == value.split(".")[:2]] or allowed
        yield path, value, f"must be one of {', '.join(near[:20])}"
    yield from _longest(shape, value, path, "characters")
    # Java's character classes: those that the model uses admit nearly everything.
    if pattern and "\\p{" not in pattern and re.fullmatch(pattern, value) is None:
        yield path, value, f"must match {pattern}"


def _longest(shape: Any, value: Any, path: str, unit: str) -> Iterator[tuple[str, Any, str]]:
    limit = shape.metadata.get("max")
    if limit is not None and len(value) > limit:
        yield path, value, f"must have at most {limit} {unit}; it has {len(value)}"
