"""Photos of claims with what the detector saw in them, and what became of the claim, on one sheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

WIDTH, TEXT, GAP, COLUMNS = 320, 88, 16, 4
"""Of a photo on the sheet, of the text below it and of the space around it, in pixels; photos in a row."""
# Blue, green and red of what the colour-blind tell apart; thick and thin lines say the same.
SURE, UNSURE, INK, FADED = (178, 114, 0), (0, 159, 230), (30, 30, 30), (110, 110, 110)
VERDICTS = {"file": "FILE", "audit": "AUDIT"}
WORDS = {
    "no_car": "no car",
    "car_below_threshold": "car not sure enough",
    "no_damage": "no damage",
    "damage_uncertain": "damage not sure enough",
    "damage": "damaged car",
}


def sheet(path: Path, shown: Sequence[tuple[Path, dict[str, Any], dict[str, Any]]]) -> None:
    """Write a sheet of photos.

    Parameters
    ----------
    shown
        Per photo its file, its evidence as it stands in the record, and the record.
    """
    tiles = [_tile(*one) for one in shown]
    rows = -(-len(tiles) // COLUMNS)
    height, width = tiles[0].shape[0] + GAP, WIDTH + GAP
    page = np.full((rows * height + GAP, COLUMNS * width + GAP, 3), 255, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = GAP + number // COLUMNS * height, GAP + number % COLUMNS * width
        page[top : top + tile.shape[0], left : left + WIDTH] = tile
    cv2.imwrite(str(path), page)


def _tile(file: Path, photo: dict[str, Any], record: dict[str, Any]) -> Image:
    picture = np.asarray(cv2.imread(str(file)), np.uint8)
    scale = WIDTH / picture.shape[1]
    picture = np.asarray(cv2.resize(picture, (WIDTH, round(WIDTH * 3 / 4)), interpolation=cv2.INTER_CUBIC), np.uint8)
    upright = picture.shape[0] / (photo["height"] * scale)
    surely = [box for box in photo["boxes"] if box["score"] >= record["thresholds"]["car"]]
    for box in reversed(surely or photo["boxes"][:1]):  # the best first: the others would only hide the car
        sure = bool(surely)
        left, top, right, bottom = box["box"]
        corners = (
            (round(left * scale), round(top * scale * upright)),
            (
                round(right * scale),
                round(bottom * scale * upright),
            ),
        )
        cv2.rectangle(picture, *corners, SURE if sure else UNSURE, 4 if sure else 2)
    tile = np.full((picture.shape[0] + TEXT, WIDTH, 3), 255, np.uint8)
    tile[: picture.shape[0]] = picture
    for number, (line, colour) in enumerate(_lines(photo, record)):
        place = (2, picture.shape[0] + 22 + number * 19)
        cv2.putText(tile, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.48, colour, 1, cv2.LINE_AA)
    return tile


def _lines(photo: dict[str, Any], record: dict[str, Any]) -> list[tuple[str, tuple[int, int, int]]]:
    car = f"car {photo['boxes'][0]['score']:.2f}" if photo["boxes"] else "no box"
    found = {one["label"]: one["probability"] for one in photo["classes"] or []}
    damage = f"damage {found['damaged']:.2f}" if found else "not asked for damage"
    limits = f"needs car {record['thresholds']['car']:g}, damage {record['thresholds']['damage']:g}"
    return [
        (f"{VERDICTS[photo['verdict']]}: {WORDS[photo['reason']]}", INK),
        (f"{car}, {damage}", INK),
        (limits, FADED),
        (f"claim {record['claim']}", FADED),
    ]
