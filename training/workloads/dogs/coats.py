"""The coat of a drawn dog: where which colour goes, and what the hair looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from training.workloads.dogs.breeds import COLOURS
from training.workloads.dogs.shapes import CANVAS, oval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.workloads.dogs.drawings import Dog

    Image = NDArray[Any]
    Regions = dict[str, NDArray[np.uint8]]

_WHITE = COLOURS["white"]

_MARKINGS: dict[str, tuple[tuple[str, str], ...]] = {
    "mask": (("muzzle", "second"),),
    "maskbib": (("muzzle", "second"), ("chest", "white"), ("feet", "white")),
    "beard": (("muzzle", "second"), ("feet", "second")),
    "bib": (("chest", "second"), ("feet", "second")),
    "collar": (("chest", "second"), ("neck", "second"), ("feet", "second"), ("muzzle", "second"), ("blaze", "second")),
    "points": (("muzzle", "second"), ("feet", "second"), ("chest", "second")),
    "swiss": (("muzzle", "second"), ("chest", "white"), ("feet", "white"), ("blaze", "white")),
    "saddle": (("saddle", "second"),),
    "mantle": (("saddle", "second"), ("crown", "second")),
    "tri": (("saddle", "black"), ("head", "second"), ("muzzle", "white")),
    "patches": (("large blots", "second"), ("head", "second"), ("blaze", "first")),
    "spots": (("small blots", "second"),),
    "roan": (("speckles", "white"), ("head", "second")),
    "merle": (("blots", "dark"), ("chest", "white"), ("feet", "white")),
    "brindle": (("stripes", "second"),),
    "crest": (("crown", "second"), ("feet", "second")),
}
"""What a pattern lays over the first colour, in order: an area and its colour."""

_WITHIN = {
    **dict.fromkeys(("muzzle", "crown", "blaze", "head"), "head"),
    **dict.fromkeys(("chest", "neck", "saddle", "large blots"), "trunk"),
    "feet": "legs",
}
"""The part of the dog an area is confined to; others lie anywhere."""

_BLOTS = {"large blots": (3, 0.2), "blots": (16, 0.08), "small blots": (34, 0.035)}
"""How many, and how large."""


def dress(dog: Dog, scene: Image, regions: Regions) -> None:
    """Paint trunk, head and legs in the breed's colours, and give them their hair."""
    whole = regions["trunk"] | regions["head"] | regions["legs"]
    coloured = np.empty_like(scene)
    coloured[:] = dog.colour
    _markings(dog, coloured, regions)
    _hair(dog, coloured)
    outline = _grown(dog, whole) if dog.traits.coat in {"long", "curly", "corded"} else whole
    inside = outline > 127
    # Darker towards the edge, as round things are.
    depth = cv2.boxFilter(outline, cv2.CV_32F, (9, 9))[inside] * (0.28 / 255) + 0.72
    scene[inside] = (coloured[inside] * depth[:, None]).astype(np.uint8)


def ear(dog: Dog, scene: Image, region: NDArray[np.uint8]) -> None:
    """Paint the near ear: a little darker, in the colour that the pattern gives to ears."""
    traits = dog.traits
    second = {"mask", "maskbib", "patches", "tri", "mantle", "crest"}
    colour = np.array(dog.second if traits.pattern in second else dog.colour) * 0.86
    if traits.coat in {"long", "curly"} and traits.ears in {"long", "drop", "bat"}:
        region = cv2.dilate(region, np.ones((3, 3), np.uint8)).astype(np.uint8)
    scene[region > 127] = colour.astype(np.uint8)


def _part(dog: Dog, name: str) -> NDArray[np.uint8]:
    """An area that markings follow, as a mask."""
    (x, y), size, back, low = dog.skull, dog.head, dog.back, dog.leg
    outlines: dict[str, list[tuple[float, float]]] = {
        "muzzle": [(x + 0.5 * size, y + 0.12), (x + 0.7, y + 0.1), (x + 0.7, y - 0.35), (x + 0.35 * size, y - 0.3)],
        "chest": [(0.4, back - 0.1), (0.7, back + 0.1), (0.7, low - 0.1), (0.3, low - 0.05)],
        "neck": [(0.36, back + 0.3), (0.7, back + 0.1), (0.62, back - 0.25), (0.24, back - 0.3)],
        "feet": [(-0.8, low * 0.55), (0.8, low * 0.55), (0.8, -0.2), (-0.8, -0.2)],
        "saddle": [(-0.6, back + 0.2), (0.34, back + 0.2), (0.2, back - 0.2), (-0.3, back - 0.24), (-0.6, back - 0.1)],
        "crown": [(x - 0.4, y + 0.4), (x + 0.4, y + 0.4), (x + 0.4, y + 0.04), (x - 0.4, y - 0.02)],
        "blaze": [
            *((x + 0.45 * size, y + 0.3), (x + 0.7 * size, y + 0.3)),
            *((x + 1.1 * size, y - 0.06), (x + 0.8 * size, y - 0.06)),
        ],
    }
    mask = np.zeros((CANVAS, CANVAS), np.uint8)
    dog.fill(mask, outlines[name], 255)
    return mask


def _markings(dog: Dog, coloured: Image, regions: Regions) -> None:
    dark = [round(value * 0.45) for value in dog.colour]
    tints = {"first": dog.colour, "second": dog.second, "white": _WHITE, "black": COLOURS["black"], "dark": dark}
    for area, tint in _MARKINGS.get(dog.traits.pattern, ()):
        mask = _area(dog, area)
        if area in _WITHIN:
            mask = mask & regions[_WITHIN[area]]
        coloured[mask > 127] = tints[tint]


def _area(dog: Dog, name: str) -> NDArray[np.uint8]:
    """The mask of an area."""
    if name in _BLOTS:
        return _blots(dog, *_BLOTS[name])
    if name == "stripes":
        return _stripes(dog)
    if name == "speckles":
        grains = (dog.rng.random((CANVAS // 2, CANVAS // 2)) < 0.45).astype(np.uint8) * 255
        return cv2.resize(grains, (CANVAS, CANVAS), interpolation=cv2.INTER_NEAREST).astype(np.uint8)
    if name == "head":
        return np.full((CANVAS, CANVAS), 255, np.uint8)
    return _part(dog, name)


def _blots(dog: Dog, count: int, size: float) -> NDArray[np.uint8]:
    mask = np.zeros((CANVAS, CANVAS), np.uint8)
    for _ in range(count):
        centre = (dog.rng.uniform(-0.55, 0.75), dog.rng.uniform(0, dog.back + 0.2))
        grown = size * dog.rng.uniform(0.6, 1.2)
        dog.fill(mask, oval(centre, (grown, grown * dog.rng.uniform(0.6, 1.0))), 255)
    return mask


def _stripes(dog: Dog) -> NDArray[np.uint8]:
    mask = np.zeros((CANVAS, CANVAS), np.uint8)
    for x in np.arange(-0.55, 0.9, 0.11) + dog.rng.normal(0, 0.02):
        lean = dog.rng.normal(0.06, 0.03)
        dog.stroke(mask, [(x, dog.back + 0.4), (x + lean, 0.0)], 255, 0.035)
    return mask


def _hair(dog: Dog, coloured: Image) -> None:
    """The structure of the coat, as light and dark on its colours."""
    coat, rng, side = dog.traits.coat, dog.rng, CANVAS
    if coat == "smooth":
        return
    shape = {"wire": (side // 2, side // 2), "long": (side // 16, side // 3), "curly": (side // 5, side // 5)}
    height, width = shape.get(coat, (4, side // 4) if coat == "corded" else (6, 6))
    strength = {"wire": 20, "long": 15, "curly": 26, "corded": 30, "bald": 5}[coat]
    grain = cv2.resize(
        rng.normal(0, strength, (height, width)).astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR
    )
    coloured[:] = (coloured + grain[..., None]).clip(0, 255).astype(np.uint8)


def _grown(dog: Dog, whole: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An outline that hair makes larger: hanging and ragged when long, in locks when curly."""
    rng, side = dog.rng, CANVAS
    reach = max(2, round(dog.unit * (0.1 if dog.traits.coat == "long" else 0.06)))
    if dog.traits.coat == "curly":
        lumps = cv2.resize(
            rng.random((side // 6, side // 6)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC
        )
        wide = cv2.dilate(whole, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
        return np.where((lumps > 0.35) | (whole > 0), wide, 0).astype(np.uint8)
    hanging = np.zeros((2 * reach + 1, 3), np.uint8)
    hanging[: reach + 1] = 1  # rows above: what hangs down comes from there
    fallen = cv2.dilate(whole, hanging)
    strands = np.repeat(rng.random((1, side // 3)) > 0.35, 3, axis=1)
    strands = np.pad(strands, ((0, 0), (0, side - strands.shape[1])), mode="edge")
    return np.where(strands | (whole > 0), np.maximum(fallen, whole), 0).astype(np.uint8)
