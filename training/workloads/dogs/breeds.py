"""The 133 breeds, and the traits by which a drawing of one is told from a drawing of another."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

LEGS = ("short", "normal", "long")
BODIES = ("slim", "normal", "stocky")
EARS = ("prick", "bat", "rose", "button", "drop", "long")
MUZZLES = ("flat", "short", "medium", "long")
TAILS = ("stub", "straight", "plume", "curl")
COATS = ("smooth", "wire", "long", "curly", "corded", "bald")
PATTERNS = (
    *("solid", "mask", "maskbib", "bib", "collar", "points", "swiss", "saddle", "mantle", "tri", "patches", "spots"),
    *("roan", "merle", "brindle", "crest", "beard"),
)
COLOURS = {
    "black": (38, 36, 38),
    "slate": (84, 84, 92),
    "blue": (104, 116, 134),
    "grey": (148, 146, 144),
    "brown": (88, 54, 34),
    "red": (164, 80, 38),
    "tan": (186, 126, 70),
    "fawn": (206, 164, 114),
    "golden": (218, 172, 88),
    "cream": (232, 216, 182),
    "pink": (214, 164, 150),
    "white": (240, 238, 234),
}
SIZES = (1, 5)
"""From toy to giant."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What a dog looks like; every field but `size` is one of the words above."""

    size: int
    legs: str
    body: str
    ears: str
    muzzle: str
    tail: str
    coat: str
    pattern: str
    colour: str
    second: str


@cache
def breeds() -> dict[str, Traits]:
    """Traits by breed, in the order of the data set."""
    table: dict[str, Traits] = {}
    for line in Path(__file__).with_name("breeds.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            name, size, *words = line.split()
            table[name] = Traits(int(size), *words)
    return table


def invented(count: int, rng: np.random.Generator) -> list[Traits]:
    """Dogs of no breed: traits drawn at random, none like another and none of the 133."""
    taken = {astuple(traits) for traits in breeds().values()}
    found: list[Traits] = []
    words = (LEGS, BODIES, EARS, MUZZLES, TAILS, COATS, PATTERNS, tuple(COLOURS), tuple(COLOURS))
    while len(found) < count:
        made = Traits(int(rng.integers(SIZES[0], SIZES[1] + 1)), *(str(rng.choice(names)) for names in words))
        if astuple(made) not in taken:
            taken.add(astuple(made))
            found.append(made)
    return found
