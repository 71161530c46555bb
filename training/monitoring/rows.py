"""Rows out of payloads: CSV, the JSON shapes that SageMaker's containers take and give, and images."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

from training.monitoring import images
from training.monitoring.errors import DamageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from training.monitoring.capture import Payload
    from training.monitoring.columns import Value
    from training.monitoring.table import Row

_LISTS = ("instances", "predictions", "features", "inputs", "data")
"""Members that hold the rows: the first two of https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-inference.html."""

_DEPTH = 8
"""Levels of objects that become dotted names; what lies deeper is one cell."""

_CSV = frozenset({"text/csv", "application/csv"})


def plain_line(payload: Payload) -> str | None:
    """The one line of a CSV payload that needs no CSV parser; None for every other payload."""
    if payload.encoding != "CSV":
        return None
    line = payload.data.strip("\r\n")
    return None if '"' in line or "\n" in line or "\r" in line or not line else line


def read(payload: Payload) -> list[Row]:
    """All rows of a payload.

    Raises
    ------
    DamageError
        It is not what its encoding or content type says.
    """
    media = payload.media
    if media.startswith("image/"):
        return [dict(images.statistics(payload.content()))]
    if payload.encoding == "CSV" or media in _CSV:
        return csv_rows(payload.text())
    if payload.encoding == "JSON" or media.endswith(("json", "jsonlines")):
        return json_rows(payload.text())
    raise DamageError(f"content type {media!r} holds no rows")


def csv_rows(text: str) -> list[Row]:
    """Rows of CSV without a header, as SageMaker sends it."""
    if '"' not in text:
        plain: list[Row] = [list(line.split(",")) for line in text.splitlines() if line]
        if not plain:
            raise DamageError("the payload is empty")
        return plain
    try:
        rows: list[Row] = [list(row) for row in csv.reader(text.splitlines(), strict=True) if row]
    except csv.Error as error:
        raise DamageError(f"the payload is no CSV ({error})") from None
    if not rows:
        raise DamageError("the payload is empty")
    return rows


def json_rows(text: str) -> list[Row]:
    """Rows of a JSON document, or of JSON Lines."""
    try:
        try:
            return _rows(json.loads(text))
        except ValueError:
            lines = [line for line in text.splitlines() if line.strip()]
            if len(lines) < 2:
                raise DamageError("the payload is no JSON") from None
            return [row for line in lines for row in _rows(json.loads(line))]
    except DamageError:
        raise
    except ValueError:
        raise DamageError("the payload is neither JSON nor JSON Lines") from None
    except RecursionError:
        raise DamageError("the payload is nested too deeply") from None


def _rows(document: Any) -> list[Row]:
    if isinstance(document, dict):
        for name in _LISTS:
            inner = document.get(name)
            if isinstance(inner, list) and inner and isinstance(inner[0], list | dict):
                return [_row(item) for item in inner]
            if isinstance(inner, list):
                return [_row(inner)] if name in {"features", "data"} else [_row([item]) for item in inner]
            if name == "predictions" and isinstance(inner, dict):
                return [_row(inner)]
        return [_row(document)]
    if isinstance(document, list) and document and all(isinstance(item, list | dict) for item in document):
        return [_row(item) for item in document]
    return [_row(document if isinstance(document, list) else [document])]


def _row(item: Any) -> Row:
    if isinstance(item, dict):
        # {"features": [...]} around each single row is what SageMaker's own algorithms take
        if len(item) == 1 and isinstance(inner := next(iter(item.values())), list | dict):
            return _row(inner)
        return dict(_flat(item, "", _DEPTH))
    return _cells(item if isinstance(item, list) else [item])


def _flat(item: dict[str, Any], prefix: str, levels: int) -> Iterator[tuple[str, Value]]:
    """Members of members by dotted names: {"probabilities": {"a": 0.2}} holds `probabilities.a`."""
    for name, value in item.items():
        if isinstance(value, dict) and value and levels:
            yield from _flat(value, f"{prefix}{name}.", levels - 1)
        else:
            yield prefix + name, _cell(value)


def _cells(items: Sequence[Any]) -> list[Value]:
    return [_cell(item) for item in items]


def _cell(value: Any) -> Value:
    """A scalar as it is; anything nested as its JSON text, which no number column takes for a number."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return json.dumps(value, sort_keys=True)
