"""One column's statistics, gathered batch by batch."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Literal

import numpy as np

from training.monitoring.seen import Distinct
from training.monitoring.sketch import Sketch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Value = str | int | float | bool | None
"""What a cell may hold: text from CSV, anything scalar from JSON."""

Kind = Literal["Integral", "Fractional", "String", "Unknown"]
"""The `inferred_type` of Model Monitor's statistics."""

CATEGORIES = 1_000
"""Different texts of a column that are counted one by one; later newcomers are counted together."""

LONGEST_CATEGORY = 64
"""Characters of a category; longer texts are somebody's words: they are counted, and written nowhere."""

LARGEST = 1e100
"""Greater numbers are no measurements; their squares would overflow and take the statistics with them."""

_NO_NUMBER = frozenset({"", "nan", "null", "none"})


class Numbers:
    """A column of numbers: moments, range, quantiles, and what in it is no number."""

    def __init__(self) -> None:
        self.present = self.missing = self.mistyped = self.whole = 0
        self.total = self.mean = self.squares = 0.0
        self.low, self.high = math.inf, -math.inf
        self.sketch = Sketch()

    @property
    def deviation(self) -> float:
        """The population's standard deviation, as Model Monitor gives it."""
        return math.sqrt(self.squares / self.count) if self.count else 0.0

    @property
    def count(self) -> int:
        """How many numbers there are: what is present and of the right type."""
        return self.present - self.mistyped

    def add(self, values: Sequence[Value]) -> None:
        """Take raw values; None, empty text and NaN are missing."""
        numbers = np.empty(len(values))
        for position, value in enumerate(values):
            if (number := as_number(value)) is None:
                self.present += 1
                self.mistyped += 1
                number = math.nan
            elif math.isnan(number):
                self.missing += 1
            numbers[position] = number
        self._take(numbers[~np.isnan(numbers)])

    def add_floats(self, values: NDArray[np.float64]) -> None:
        """Take numbers: NaN is missing, infinity is no usable number."""
        absent = int(np.isnan(values).sum())
        finite = values[np.abs(values) <= LARGEST]
        infinite = values.size - absent - finite.size
        self.missing += absent
        self.present += infinite
        self.mistyped += infinite
        self._take(finite)

    def _take(self, values: NDArray[np.float64]) -> None:
        if not values.size:
            return
        # Chan, Golub, LeVeque (1979): merge the moments of two sets without losing digits to a sum of squares.
        before, mean = self.count, float(values.mean())
        delta, count = mean - self.mean, before + values.size
        self.squares += float(((values - mean) ** 2).sum()) + delta * delta * before * values.size / count
        self.mean += delta * values.size / count
        self.total += float(values.sum())
        self.present += values.size
        self.whole += int((values == np.floor(values)).sum())
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
        self.sketch.update(values)


class Texts:
    """A column of categories or free text: how often each comes. Everything can be text, so nothing is mistyped."""

    def __init__(self) -> None:
        self.present = self.missing = self.other = 0
        self.counts: Counter[str] = Counter()
        self._rest = Distinct()

    @property
    def distinct(self) -> int:
        """How many different texts: exact up to `CATEGORIES`, an estimate beyond."""
        return len(self.counts) + self._rest.estimate()

    def add(self, values: Sequence[Value]) -> None:
        """Take raw values; None and empty text are missing."""
        for value, times in Counter(values).items():
            if value is None or value == "":
                self.missing += times
                continue
            self.present += times
            # A category may be written as a number, and JSON then has one where CSV has text: both are the same.
            text = as_text(value)
            if text in self.counts or (len(self.counts) < CATEGORIES and len(text) <= LONGEST_CATEGORY):
                self.counts[text] += times
            else:
                self.other += times
                self._rest.update((text,))


Column = Numbers | Texts


class Types:
    """Which type the values of a column have."""

    def __init__(self) -> None:
        self.whole = self.fractional = self.text = 0

    def add(self, values: Sequence[Value]) -> None:
        """Take raw values."""
        for value in values:
            if value is None or value == "":
                continue
            number = None if isinstance(value, bool) else as_number(value)
            if number is None:
                self.text += 1
            elif not math.isnan(number):
                self.whole += number.is_integer()
                self.fractional += not number.is_integer()

    def infer(self) -> Kind:
        """The type of the column: numbers as long as not one in ten values is something else."""
        numbers = self.whole + self.fractional
        if not numbers + self.text:
            return "Unknown"
        if self.text > 0.1 * (numbers + self.text):
            return "String"
        return "Fractional" if self.fractional else "Integral"


def new(kind: Kind) -> Column:
    """An empty column of a type."""
    return Numbers() if kind in {"Integral", "Fractional"} else Texts()


def as_number(value: Value) -> float | None:
    """The number a cell holds; NaN when it holds nothing, None when it holds something else."""
    if value is None:
        return math.nan
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in _NO_NUMBER:
            return math.nan
        if "_" in text:  # float() takes 1_000 for a number; no CSV writer does
            return None
        try:
            value = float(text)
        except ValueError:
            return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return None if abs(number) > LARGEST else number


def present_number(value: Value) -> float | None:
    """The number a cell holds, None when it holds none."""
    number = as_number(value)
    return None if number is None or math.isnan(number) else number


def as_text(value: Value) -> str:
    """The category a cell stands for: a whole number is the same written with or without a fraction."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
