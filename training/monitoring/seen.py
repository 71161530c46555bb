"""Which ids came before, at 16 bytes each, and how many different values there were, in constant memory."""

from __future__ import annotations

from hashlib import blake2b
from heapq import heappush, heapreplace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

_BYTES = 16
_KEPT = 1024


def digest(text: str) -> bytes:
    """A 128-bit name of a text: among a billion texts two share one with a chance below 1e-20."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_BYTES).digest()


class Seen:
    """A set of digests, kept as sorted runs that are merged when they are of about one size."""

    def __init__(self) -> None:
        self._runs: list[NDArray[np.bytes_]] = []

    def __len__(self) -> int:
        return sum(run.size for run in self._runs)

    def add(self, digests: list[bytes]) -> NDArray[np.bool_]:
        """Take digests in; true where one had not been seen, neither before nor earlier among these."""
        fresh = np.zeros(len(digests), dtype=bool)
        if not digests:
            return fresh
        names, first = np.unique(np.array(digests, dtype=f"S{_BYTES}"), return_index=True)
        known = self._known(names)
        fresh[first[~known]] = True
        if not known.all():
            self._runs.append(names[~known])
        while len(self._runs) > 1 and self._runs[-2].size < 2 * self._runs[-1].size:
            last = self._runs.pop()
            self._runs[-1] = np.sort(np.concatenate([self._runs[-1], last]), kind="stable")
        return fresh

    def holds(self, digests: list[bytes]) -> NDArray[np.bool_]:
        """True where one has been seen."""
        return self._known(np.array(digests, dtype=f"S{_BYTES}"))

    def _known(self, names: NDArray[np.bytes_]) -> NDArray[np.bool_]:
        known = np.zeros(names.size, dtype=bool)
        for run in self._runs:
            known |= run[np.minimum(np.searchsorted(run, names), run.size - 1)] == names
        return known

    def save(self, path: Path) -> None:
        """Write all digests, sorted."""
        everything = np.sort(np.concatenate([np.empty(0, f"S{_BYTES}"), *self._runs]))
        with path.open("wb") as file:
            np.save(file, everything, allow_pickle=False)

    @classmethod
    def load(cls, path: Path) -> Seen:
        """Read what `save` wrote."""
        seen = cls()
        run = np.load(path, allow_pickle=False)
        seen._runs = [run] if run.size else []
        return seen


class Distinct:
    """An estimate of how many different texts there were: exact up to 1,024, about 3 % off beyond.

    Keeps the k smallest of the texts' hashes, spread over [0, 1); with the k-th smallest at h there are about
    (k - 1) / h. Bar-Yossef et al.: Counting Distinct Elements in a Data Stream, RANDOM 2002,
    https://doi.org/10.1007/3-540-45726-7_1.
    """

    def __init__(self) -> None:
        self._smallest: list[float] = []  # a heap of negated hashes: its head is the greatest one kept
        self._members: set[float] = set()

    def update(self, texts: Iterable[str]) -> None:
        """Take texts, repeated or not."""
        for text in texts:
            place = int.from_bytes(digest(text)[:8], "big") / 2**64
            if place in self._members:
                continue
            if len(self._smallest) < _KEPT:
                heappush(self._smallest, -place)
            elif place < -self._smallest[0]:
                self._members.remove(-heapreplace(self._smallest, -place))
            else:
                continue
            self._members.add(place)

    def estimate(self) -> int:
        """How many different texts there were."""
        if len(self._smallest) < _KEPT:
            return len(self._smallest)
        return round((_KEPT - 1) / -self._smallest[0])
