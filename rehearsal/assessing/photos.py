"""Photos for claims: test scenes of the two data sets, and a few that are searched for because they are in doubt.

No test scene is in doubt by design, so the endpoints are asked, as an operator may: a car fades into fog until the
detector's best box is below the threshold, a damaged car is blended with a whole one until the classifier is unsure.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from functions.common import claim_rule
from rehearsal.run import RehearsalError

Image = NDArray[np.uint8]
Ask = Callable[[str, bytes], list[dict[str, Any]]]
"""Of the predictions of a model, ``detector`` or ``classifier``, for the bytes of a PNG."""

TRUNCATED_BYTES = 40
TRIES = 12
FOG = (np.linspace(0.9, 0.05, 18), 190.0)
"""How much of a photo is left, step by step, and the grey of the fog."""
MIXES = np.linspace(0.35, 0.75, 33)
"""Shares of the damaged car in a blend, step by step."""


@dataclass(frozen=True)
class Photo:
    """A photo and what it shows: ``damaged``, ``whole``, ``no car``, ``fog``, ``unsure`` or ``truncated``."""

    path: Path
    shows: str


@dataclass(frozen=True)
class Thresholds:
    """What the functions compare with."""

    car: float
    damage: float


def choose(cars: Path, streets: Path, folder: Path, *, count: int, thresholds: Thresholds, ask: Ask) -> list[Photo]:
    """Return ``count`` photos of damaged and whole cars, two without one, and one each in fog, in doubt and cut off.

    Parameters
    ----------
    cars, streets
        Staged data: ``test/damaged`` and ``test/whole`` of the one, ``test`` with its annotations of the other.
    folder
        Where photos that are made are written.

    Raises
    ------
    RehearsalError
        There are too few, or none of them is in doubt.
    """
    pick = random.Random(5)  # noqa: S311 - a choice of pictures, not a secret
    shown = {name: _shuffled((cars / "test" / name).glob("*.png"), pick) for name in ("damaged", "whole")}
    each = count // 2
    for name, files in shown.items():
        if len(files) < each:
            raise RehearsalError(f"{cars}/test/{name} has {len(files)} photos, {each} are needed: stage more")
    chosen = [Photo(file, name) for name, files in shown.items() for file in files[:each]]
    empty = [file for file in _empty(streets, pick) if not ask("detector", file.read_bytes())]
    if len(empty) < 2:
        raise RehearsalError(f"the detector sees cars in all but {len(empty)} of the empty streets of {streets}/test")
    chosen += [Photo(file, "no car") for file in empty[:2]]
    chosen.append(_written(folder / "fog.png", _in_fog(shown["whole"] + shown["damaged"], thresholds, ask), "fog"))
    chosen.append(_written(folder / "unsure.png", _unsure(shown, thresholds, ask), "unsure"))
    truncated = folder / "truncated.png"
    truncated.write_bytes(shown["damaged"][0].read_bytes()[:TRUNCATED_BYTES])
    return [*chosen, Photo(truncated, "truncated")]


def _shuffled(files: Iterator[Path], pick: random.Random) -> list[Path]:
    found = sorted(files)
    pick.shuffle(found)
    return found


def _empty(streets: Path, pick: random.Random) -> list[Path]:
    """Streets of the test split whose annotations name nothing."""
    lines = (streets / "test" / "annotations.jsonl").read_text().splitlines()
    described = [json.loads(line) for line in lines]
    return _shuffled((streets / "test" / one["file"] for one in described if not one["annotations"]), pick)


def _in_fog(files: list[Path], thresholds: Thresholds, ask: Ask) -> Image:
    """Return a photo in which the detector sees a car, but not surely enough."""
    for file in files[:TRIES]:
        photo = _read(file)
        for left in FOG[0]:
            foggy = (photo * left + FOG[1] * (1 - left)).astype(np.uint8)
            if claim_rule.without_car(_cars(foggy, ask), thresholds.car) == claim_rule.CAR_BELOW_THRESHOLD:
                return foggy
    raise RehearsalError(f"no photo in fog scores above 0 and below {thresholds.car}: the detector's floor is too high")


def _unsure(shown: dict[str, list[Path]], thresholds: Thresholds, ask: Ask) -> Image:
    """Return a blend of two cars in which one is seen, and damage is likelier than not, but not likely enough."""
    for damaged, whole in zip(shown["damaged"][:TRIES], shown["whole"][:TRIES], strict=False):
        one, other = _read(damaged), _read(whole)
        for share in MIXES:
            blend = (one * share + other * (1 - share)).astype(np.uint8)
            classes = {found["label"]: found["probability"] for found in ask("classifier", _png(blend))}
            reason = claim_rule.of_car(classes, "damaged", thresholds.damage)
            if reason == claim_rule.DAMAGE_UNCERTAIN and not claim_rule.without_car(_cars(blend, ask), thresholds.car):
                return blend
    raise RehearsalError(f"no blend of two cars has damage below {thresholds.damage} and yet likelier than not")


def _cars(photo: Image, ask: Ask) -> list[float]:
    return [box["score"] for box in ask("detector", _png(photo)) if box["label"] == "car"]


def _written(path: Path, photo: Image, shows: str) -> Photo:
    path.write_bytes(_png(photo))
    return Photo(path, shows)


def _read(path: Path) -> Image:
    return np.asarray(cv2.imread(str(path)), np.uint8)


def _png(photo: Image) -> bytes:
    return bytes(cv2.imencode(".png", photo)[1])
