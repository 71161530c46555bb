"""What the model said: a class with its probabilities, or a number, out of captured answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from training.monitoring import rows
from training.monitoring.columns import as_text, present_number
from training.monitoring.errors import DamageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.monitoring.capture import Payload
    from training.monitoring.table import Row

Task = Literal["classification", "regression"]


@dataclass(frozen=True)
class Shape:
    """Where in an answer the prediction is.

    Attributes
    ----------
    prediction
        Column with the class or the number: a name in JSON, a position in CSV or lists. None: the likeliest class.
    probabilities
        Class by column. A single one leaves the rest to the class "not <class>", unless `other` names it.
    """

    task: Task = "classification"
    prediction: str | None = None
    probabilities: Mapping[str, str] = field(default_factory=dict)
    other: str | None = None


Answer = dict[str, Any]
"""`predicted` (text or number), `probabilities` (class to probability; absent when there are none)."""


def read(payload: Payload, shape: Shape) -> list[Answer]:
    """One answer per row of the request.

    Raises
    ------
    DamageError
        The payload holds no answer of this shape.
    """
    ranked = _ranked(payload) if shape.task == "classification" and not shape.probabilities else None
    if ranked is not None:
        return ranked
    return [_answer(row, shape) for row in rows.read(payload)]


def _answer(row: Row, shape: Shape) -> Answer:
    if shape.task == "regression":
        if (number := present_number(_at(row, shape.prediction or "0"))) is None:
            raise DamageError("the answer holds no number")
        return {"predicted": number}
    chances: dict[str, float] = {}
    for column, name in shape.probabilities.items():
        chances[name] = _probability(_at(row, column), column)
    if len(chances) == 1:
        name, value = next(iter(chances.items()))
        chances[shape.other or f"not {name}"] = 1 - value
    if shape.prediction is not None:
        answer: Answer = {"predicted": as_text(_at(row, shape.prediction))}
    elif chances:
        answer = {"predicted": max(chances, key=lambda name: chances[name])}
    else:
        answer = {"predicted": as_text(_at(row, "0"))}
    return {**answer, "probabilities": chances} if chances else answer


def _probability(value: Any, what: str) -> float:
    number = present_number(value) if isinstance(value, str | int | float) else None
    if number is None or not 0 <= number <= 1:
        raise DamageError(f"{what} of the answer is no probability")
    return number


def _at(row: Row, column: str) -> str | int | float | bool:
    try:
        value = row[column] if isinstance(row, dict) else row[int(column)]
    except (KeyError, IndexError, ValueError):
        if isinstance(row, dict) and len(row) == 1:  # one member, however it is called
            value = next(iter(row.values()))
        else:
            raise DamageError(f"the answer has no column {column!r}") from None
    if value is None:
        raise DamageError(f"{column} of the answer is empty")
    return value


def _ranked(payload: Payload) -> list[Answer] | None:
    """Lists of {"label", "probability"}, the likeliest first, as this project's image endpoints answer."""
    if payload.encoding == "CSV" or not payload.media.endswith("json"):
        return None
    try:
        document = json.loads(payload.text())
    except (ValueError, RecursionError):
        raise DamageError("the payload is no JSON") from None
    found = document.get("predictions") if isinstance(document, dict) else document
    if not isinstance(found, list) or not found:
        return None
    lists = found if all(isinstance(item, list) for item in found) else [found]
    answers: list[Answer] = []
    for classes in lists:
        whole = all(isinstance(item, dict) and {"label", "probability"} <= item.keys() for item in classes)
        if not whole or not classes:
            return None
        chances = {str(item["label"]): _probability(item["probability"], item["label"]) for item in classes}
        answers.append({"predicted": max(chances, key=lambda name: chances[name]), "probabilities": chances})
    return answers
