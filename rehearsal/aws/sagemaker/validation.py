"""Check a request against botocore's service model and complain in the API's own words.

boto3 checks types and required members before it sends; patterns, enumerations and lengths are left to the service.
Terraform's SDK checks less. So the server checks everything that the model knows.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rehearsal.aws.sagemaker.errors import AWSValidationException

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.model import Shape


def check(operation: str, request: dict[str, Any]) -> None:
    """Raise ``ValidationException`` with every violated constraint of ``operation``'s input.

    Raises
    ------
    AWSValidationException
        "1 validation error detected: Value ... at ... failed to satisfy constraint: ...".
    """
    shape = _model().operation_model(operation).input_shape
    problems = list(_problems(shape, request, "")) if shape is not None else []
    if problems:
        noun = "error" if len(problems) == 1 else "errors"
        raise AWSValidationException(f"{len(problems)} validation {noun} detected: {'; '.join(problems)}")


@lru_cache(maxsize=1)
def _model() -> Any:
    import botocore.session

    return botocore.session.get_session().get_service_model("sagemaker")


def _problems(shape: Shape, value: Any, path: str) -> Iterator[str]:
    walk = _WALKERS.get(shape.type_name)
    if walk is not None:
        yield from walk(shape, value, path)


def _structure(shape: Any, value: dict[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"Value null at '{_join(path, name)}' failed to satisfy constraint: Member must not be null"
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _problems(member, value[name], _join(path, name))


def _list(shape: Any, value: list[Any], path: str) -> Iterator[str]:
    yield from _length(shape, value, path)
    for index, item in enumerate(value, start=1):
        yield from _problems(shape.member, item, f"{path}.{index}.member")


def _map(shape: Any, value: dict[str, Any], path: str) -> Iterator[str]:
    yield from _length(shape, value, path)
    for key, item in value.items():
        yield from _problems(shape.key, key, path)
        yield from _problems(shape.value, item, f"{path}.{key}.member")


def _string(shape: Any, value: str, path: str) -> Iterator[str]:
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        yield _fails(value, path, f"Member must satisfy enum value set: [{', '.join(allowed)}]")
    yield from _length(shape, value, path)
    pattern = shape.metadata.get("pattern")
    if pattern and not _matches(pattern, value):
        yield _fails(value, path, f"Member must satisfy regular expression pattern: {pattern}")


def _number(shape: Any, value: float, path: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and value < low:
        yield _fails(value, path, f"Member must have value greater than or equal to {low}")
    if high is not None and value > high:
        yield _fails(value, path, f"Member must have value less than or equal to {high}")


def _length(shape: Any, value: Any, path: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and len(value) < low:
        yield _fails(value, path, f"Member must have length greater than or equal to {low}")
    if high is not None and len(value) > high:
        yield _fails(value, path, f"Member must have length less than or equal to {high}")


def _matches(pattern: str, value: str) -> bool:
    if "\\p{" in pattern:  # Java's character classes: those that the model uses admit nearly everything
        return True
    return re.fullmatch(pattern, value) is not None


def _fails(value: Any, path: str, constraint: str) -> str:
    return f"Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"


def _join(path: str, name: str) -> str:
    member = name[0].lower() + name[1:]
    return f"{path}.{member}" if path else member


_WALKERS: dict[str, Callable[[Any, Any, str], Iterator[str]]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _number,
    "long": _number,
    "float": _number,
    "double": _number,
}
