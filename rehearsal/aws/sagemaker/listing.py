"""Filter, sort and page the List operations alike."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from rehearsal.aws.sagemaker.errors import AWSValidationException

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Item = TypeVar("Item")

_PAGE = 100


def page(
    items: Iterable[Item],
    request: dict[str, Any],
    *,
    name: Callable[[Item], str],
    status: Callable[[Item], str] | None = None,
    order: str = "Ascending",
    by: str = "CreationTime",
    size: int = _PAGE,
    more: Mapping[str, Callable[[Item], Any]] | None = None,
) -> tuple[list[Item], str | None]:
    """Return one page and the token of the next.

    Parameters
    ----------
    items
        Objects with ``creation_time`` and, where the request filters by it, ``last_modified_time``.
    order, by, size
        What the operation does when the request has no ``SortOrder``, ``SortBy`` or ``MaxResults``.
    more
        What else the operation sorts by.

    Raises
    ------
    AWSValidationException
        For a token that is not ours.
    """
    chosen = [item for item in items if _wanted(item, name(item), request)]
    sorts: dict[str, Callable[[Item], Any]] = {"Name": name, "CreationTime": lambda item: item.creation_time}  # type: ignore[attr-defined]
    sorts.update(more or {})
    if status is not None:
        sorts["Status"] = status
    chosen.sort(
        key=sorts.get(request.get("SortBy") or by, sorts["CreationTime"]),
        reverse=(request.get("SortOrder") or order) == "Descending",
    )
    start = _start(request.get("NextToken"), len(chosen))
    end = start + int(request.get("MaxResults") or size)
    return chosen[start:end], str(end) if end < len(chosen) else None


def _wanted(item: Any, name: str, request: dict[str, Any]) -> bool:
    if (request.get("NameContains") or "") not in name:
        return False
    for member, attribute in (("CreationTime", "creation_time"), ("LastModifiedTime", "last_modified_time")):
        after, before = _naive(request.get(f"{member}After")), _naive(request.get(f"{member}Before"))
        value = getattr(item, attribute, None)
        if value is not None and ((after and value <= after) or (before and value >= before)):
            return False
    return True


def _start(token: str | None, count: int) -> int:
    if token is None:
        return 0
    if not token.isdigit() or int(token) > count:
        raise AWSValidationException(f"Invalid pagination token: {token}")
    return int(token)


def _naive(moment: datetime | float | None) -> datetime | None:
    if moment is None:
        return None
    if isinstance(moment, datetime):
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return datetime.fromtimestamp(moment, UTC).replace(tzinfo=None)
