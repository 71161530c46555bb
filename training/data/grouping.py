"""Divide whole groups (the images of one patient, the crops of one photo) between splits, with classes in balance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


def assign(
    labels: NDArray[np.int64], groups: Sequence[str], shares: Mapping[str, float], rng: np.random.Generator
) -> dict[str, NDArray[np.intp]]:
    """Give every group to one part, so that each class comes as near to the shares as whole groups allow.

    The largest groups go first, each to the part where the squared distance to what the part should hold of the group's
    classes shrinks most: large ones are hard to place, small ones fill what is left.

    Parameters
    ----------
    labels, groups
        Class and group of each image.
    shares
        Share of all images by part; they add up to 1.

    Returns
    -------
    positions of the images by part, in ascending order
    """
    numbers, counts = count(labels, groups)
    parts = list(shares)
    totals = counts.sum(axis=0)
    wanted = np.array([shares[part] for part in parts])[:, None] * totals
    held = np.zeros_like(wanted)
    part_of = np.zeros(len(counts), np.intp)
    shuffled = rng.permutation(len(counts))
    for group in shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]:
        present = np.flatnonzero(counts[group])
        added = counts[group, present]
        distance = held[:, present] - wanted[:, present]
        change = (((distance + added) ** 2 - distance**2) / totals[present] ** 2).sum(axis=1)
        part_of[group] = chosen = int(np.argmin(change))
        held[chosen] += counts[group]
    return {part: np.flatnonzero(part_of[numbers] == number) for number, part in enumerate(parts)}


def limited(
    labels: NDArray[np.int64], groups: Sequence[str], per_class: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Positions of at most so many images of each class, group after group in random order, in ascending order."""
    numbers, counts = count(labels, groups)
    place = rng.permutation(len(counts))
    order = np.argsort(place[numbers], kind="stable")
    kept = [order[labels[order] == label][:per_class] for label in range(counts.shape[1])]
    return np.sort(np.concatenate(kept))


def count(labels: NDArray[np.int64], groups: Sequence[str]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Number of each image's group, and the images by group and class: shape (groups, classes)."""
    _, numbers = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    counts = np.zeros((int(numbers.max(initial=-1)) + 1, int(labels.max(initial=0)) + 1), np.int64)
    np.add.at(counts, (numbers, labels), 1)
    return numbers, counts
