"""Split images so that nothing a model was trained on is used to judge it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.data import duplicates, grouping
from training.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.data.progress import Progress
    from training.data.records import Records

SPLITS = ("train", "validation", "test")

Parts = dict[str, "NDArray[np.intp]"]
"""Positions of the images by split, in ascending order."""


@dataclass(frozen=True, slots=True)
class Shares:
    """How to divide each class.

    Attributes
    ----------
    per_class
        Images per class over all splits; None takes all there are.
    validation
        Share of the images not used for testing.
    test
        Share of all images; only where the source sets no test images aside.
    """

    per_class: int | None = None
    validation: float = 0.2
    test: float = 0.2


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Images that are in no split, and why.

    Attributes
    ----------
    duplicates
        Equal to another, pixel for pixel.
    near_duplicates
        Like another but for scaling, compression or brightness; None where that was not looked for.
    of_test_groups
        Of a group from which the source itself set images aside for testing.
    """

    duplicates: int = 0
    near_duplicates: int | None = None
    of_test_groups: int = 0


def split(
    records: Records, shares: Shares, seed: int, *, near: bool = False, progress: Progress | None = None
) -> tuple[Parts, LeftOut]:
    """Choose the images of each split, class by class.

    An image that occurs twice, pixel for pixel, stays once; a source's own test images stay the test set; no group is
    divided between splits.

    Parameters
    ----------
    near
        Keep one of images that are alike but for scaling, compression or brightness, too.

    Raises
    ------
    DataError
        A class would be missing from a split.
    """
    rng = np.random.default_rng(seed)
    unique = duplicates.first_of_each(records)
    distinct = duplicates.first_of_each_kind(records, unique, progress) if near else unique
    kept = _without_test_groups(records, distinct)
    parts = _by_class(records, kept, shares, rng) if records.groups is None else _by_group(records, kept, shares, rng)
    _refuse_gaps(records, parts, shares)
    left = LeftOut(
        duplicates=len(records.labels) - len(unique),
        near_duplicates=len(unique) - len(distinct) if near else None,
        of_test_groups=len(distinct) - len(kept),
    )
    return parts, left


def _by_class(records: Records, kept: NDArray[np.intp], shares: Shares, rng: np.random.Generator) -> Parts:
    chosen: dict[str, list[NDArray[np.intp]]] = {name: [] for name in SPLITS}
    known = len(records.classes) if records.boxes is None else int(records.labels.max(initial=0)) + 1
    for label in range(known):
        members = kept[records.labels[kept] == label]
        for part, positions in _divide(records, members, shares, rng).items():
            chosen[part].append(positions)
    return {part: np.sort(np.concatenate(positions)) for part, positions in chosen.items()}


def _divide(records: Records, members: NDArray[np.intp], shares: Shares, rng: np.random.Generator) -> Parts:
    if records.is_test is None:
        shuffled = rng.permutation(members)[: shares.per_class]
        tests = round(len(shuffled) * shares.test)
        test, rest = shuffled[:tests], shuffled[tests:]
    else:
        test, rest = (rng.permutation(members[records.is_test[members] == flag]) for flag in (True, False))
        if shares.per_class is not None:
            tests = round(shares.per_class * len(test) / max(len(members), 1))
            test, rest = test[:tests], rest[: shares.per_class - tests]
    validations = round(len(rest) * shares.validation)
    return {"validation": rest[:validations], "train": rest[validations:], "test": test}


def _by_group(records: Records, kept: NDArray[np.intp], shares: Shares, rng: np.random.Generator) -> Parts:
    groups = np.asarray(records.groups, dtype=np.str_)

    def assigned(among: NDArray[np.intp], wanted: dict[str, float]) -> Parts:
        divided = grouping.assign(records.labels[among], groups[among].tolist(), wanted, rng)
        return {part: among[at] for part, at in divided.items()}

    def limited(among: NDArray[np.intp], per_class: int) -> NDArray[np.intp]:
        return among[grouping.limited(records.labels[among], groups[among].tolist(), per_class, rng)]

    rest_shares = {"train": 1 - shares.validation, "validation": shares.validation}
    if records.is_test is None:
        if shares.per_class is not None:
            kept = limited(kept, shares.per_class)
        wanted = {part: (1 - shares.test) * share for part, share in rest_shares.items()}
        return assigned(kept, wanted | {"test": shares.test})
    test, rest = (kept[records.is_test[kept] == flag] for flag in (True, False))
    if shares.per_class is not None:
        tests = round(shares.per_class * len(test) / max(len(kept), 1))
        test, rest = limited(test, tests), limited(rest, shares.per_class - tests)
    return assigned(rest, rest_shares) | {"test": test}


def _without_test_groups(records: Records, kept: NDArray[np.intp]) -> NDArray[np.intp]:
    """Leave out what would be trained on although the source tests with images of the same group."""
    if records.groups is None or records.is_test is None:
        return kept
    groups = np.asarray(records.groups, dtype=np.str_)
    shared = np.isin(groups[kept], np.unique(groups[records.is_test])) & ~records.is_test[kept]
    return kept[~shared]


def _refuse_gaps(records: Records, parts: Parts, shares: Shares) -> None:
    for part, at in parts.items():
        if records.boxes is None:
            present = set(records.labels[at].tolist())
        else:
            present = {box.class_id for position in at for box in records.boxes[position]}
        for label, name in enumerate(records.classes):
            if label not in present:
                asked = shares.per_class or _available(records, label)
                remedy = "ask for more images per class or larger shares"
                if records.groups is not None:
                    remedy += ", or bring more groups: all images of one go into one split"
                raise DataError("--per-class", asked, f"leaves no {name} for {part}; {remedy}")


def _available(records: Records, label: int) -> int:
    if records.boxes is None:
        return int((records.labels == label).sum())
    return sum(any(box.class_id == label for box in boxes) for boxes in records.boxes)
