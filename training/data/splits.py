"""Split images so that nothing a model was trained on is used to judge it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.data.records import Records

SPLITS = ("train", "validation", "test")


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


def split(records: Records, shares: Shares, seed: int) -> tuple[dict[str, NDArray[np.intp]], int]:
    """Choose the images of each split, class by class.

    An image that occurs twice, byte for byte, stays once; a source's own test images stay the test set.

    Returns
    -------
    positions by split (sorted), and the number of duplicates left out

    Raises
    ------
    DataError
        A class would be missing from a split.
    """
    rng = np.random.default_rng(seed)
    chosen: dict[str, list[NDArray[np.intp]]] = {name: [] for name in SPLITS}
    unique = _first_of_each(records)
    for label, name in enumerate(records.classes):
        members = unique[records.labels[unique] == label]
        for part, positions in _divide(records, members, shares, rng).items():
            if len(positions) == 0:
                asked = len(members) if shares.per_class is None else shares.per_class
                raise DataError(
                    "--per-class", asked, f"leaves no {name} for {part}; ask for more images per class or larger shares"
                )
            chosen[part].append(positions)
    result = {part: np.sort(np.concatenate(positions)) for part, positions in chosen.items()}
    return result, len(records.labels) - len(unique)


def _divide(
    records: Records, members: NDArray[np.intp], shares: Shares, rng: np.random.Generator
) -> dict[str, NDArray[np.intp]]:
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


def _first_of_each(records: Records) -> NDArray[np.intp]:
    """Positions of distinct images; of equal ones the source's test image wins, else the first."""
    tests = np.zeros(len(records.labels), bool) if records.is_test is None else records.is_test
    order = np.argsort(~tests, kind="stable").tolist()
    seen: dict[bytes, int] = {}
    for position in order:
        seen.setdefault(hashlib.sha256(records.images[position].tobytes()).digest(), position)
    return np.array(sorted(seen.values()), dtype=np.intp)
