"""Joined predictions and labels as figures: model quality, and bias."""

from __future__ import annotations

import sys
from array import array
from typing import TYPE_CHECKING, Any

import numpy as np

from training.monitoring import bias, scores
from training.monitoring.bias import Counts
from training.monitoring.columns import present_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from training.monitoring.answers import Task
    from training.monitoring.facets import Facet

Joined = tuple[str, dict[str, Any], str]


class Outcome:
    """Gathers what was predicted and what was true, compactly, and judges it."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.unusable = 0
        self._labels: list[str] = []
        self._predicted: list[str] = []
        self._truth, self._numbers = array("d"), array("d")
        self._classes: list[str] = []
        self._chances = array("d")
        self._places: dict[tuple[Any, Any], list[int]] = {}

    def add(self, joined: Iterable[Joined]) -> None:
        """Take predictions with their labels."""
        for _, value, label in joined:
            if self.task == "regression":
                if (number := present_number(label)) is None:
                    self.unusable += 1
                    continue
                self._truth.append(number)
                self._numbers.append(value["predicted"])
                continue
            side, group = value.get("favoured"), value.get("group")
            self._places.setdefault((side, group), []).append(len(self._labels))
            self._labels.append(sys.intern(label))
            self._predicted.append(sys.intern(value["predicted"]))
            self._take(value.get("probabilities"))

    def quality(self) -> dict[str, Any] | None:
        """Figures of model quality; None while nothing has met its label."""
        if self.task == "regression":
            if not self._truth:
                return None
            return {
                "rows": len(self._truth),
                "unusable": self.unusable,
                **scores.regression(self._truth, self._numbers),
            }
        if not self._labels:
            return None
        figures = {"rows": len(self._labels), **scores.classification(self._labels, self._predicted)}
        classes = self._classes
        if classes and len(self._chances) == len(classes) * len(self._labels):
            chances = np.frombuffer(self._chances).reshape(-1, len(classes))
            correct = np.asarray(self._labels) == np.asarray(self._predicted)
            top = chances[np.arange(len(chances)), [self._index(name) for name in self._predicted]]
            figures |= {
                "auc": scores.macro_auc(self._labels, chances, classes),
                "brier": scores.brier(self._labels, chances, classes),
                "ece": scores.calibration_error(correct, top),
            }
        return figures

    def bias(self, facet: Facet, positive: str) -> dict[str, Any] | None:
        """Clarify's metrics for a facet; None while one of the two groups has no row with a label."""
        if self.task == "regression":
            return None
        groups: dict[Any, dict[bool, list[int]]] = {}
        for (side, group), places in self._places.items():
            if side is not None:
                groups.setdefault(group, {True: [], False: []})[side] += places
        sides = [[place for group in groups.values() for place in group[side]] for side in (True, False)]
        if not sides[0] or not sides[1]:
            return None
        a, d = (self._counts(places, positive) for places in sides)
        by_group = {
            name: (self._counts(found[True], positive), self._counts(found[False], positive))
            for name, found in groups.items()
        }
        labels = [[self._labels[place] for place in places] for places in sides]
        return {
            "facet": facet.column,
            "positive": positive,
            "rows": {"favoured": a.rows, "other": d.rows},
            "definitions": {
                name: {"formula": how, "source": bias.DOC + page} for name, (how, page) in bias.FORMULAS.items()
            },
            "metrics": {
                **bias.of_labels(labels[0], labels[1], positive),
                **bias.of_predictions(a, d),
                "CDDL": bias.conditional_disparity(by_group, predicted=False),
                "CDDPL": bias.conditional_disparity(by_group, predicted=True),
            },
        }

    def _take(self, chances: Mapping[str, float] | None) -> None:
        if not chances:
            return
        if not self._classes:
            self._classes = sorted(chances)
        if chances.keys() == set(self._classes):
            self._chances.extend(chances[name] for name in self._classes)

    def _index(self, name: str) -> int:
        return self._classes.index(name)

    def _counts(self, places: list[int], positive: str) -> Counts:
        wanted = np.array([self._labels[place] == positive for place in places], dtype=bool)
        given = np.array([self._predicted[place] == positive for place in places], dtype=bool)
        return Counts.of(wanted, given)
