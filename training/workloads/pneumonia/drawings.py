"""Draws chest radiographs: the stand-in for real ones where there is no network. No picture shows a person.

What lies in the beam adds up: torso, spine, heart, ribs, vessels, less the lungs' air, plus a pneumonia's opacities.
The sum is exposed as a detector would, with its own sharpness, noise and collimation per site. Bright is dense.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.workloads.pneumonia.anatomy import Patient

    Image = NDArray[Any]
    Points = list[tuple[float, float]]

CANVAS = 160
"""Side of the picture while it is drawn, in pixels."""

_SHIFT = 4
"""Fractional bits of OpenCV's drawing coordinates."""


def draw(patient: Patient, view: str, site: str, rng: np.random.Generator, size: int = 128) -> NDArray[np.uint8]:
    """Take one picture of a patient.

    Parameters
    ----------
    view
        `pa`, or `ap`: lying down, breathed in less, the heart enlarged by its distance from the detector.
    site
        `a` or `b`: whose detector.
    rng
        Source of what differs between two pictures of one patient: position, breath, exposure, noise.
    size
        Side of the result in pixels.

    Returns
    -------
    array of shape (size, size, 1), grey
    """
    lying = view == "ap"
    breath = rng.normal(-0.035 if lying else 0.0, 0.012)
    base = patient.base + breath
    lungs = [_lung(patient, side, base) for side in (-1, 1)]
    air = np.maximum(*(_filled(lung, 3.0) for lung in lungs))
    density = _torso(patient, base)
    density -= (0.36 - patient.tissue) * air
    density += _bones(patient, base)
    density += _heart(patient, base, 1.12 if lying else 1.0)
    density += air * _vessels(patient, base)
    density += air * _haze(patient, base, breath)
    density += air * _opacities(patient, base, rng)
    return _expose(density, site, lying, rng, size)


def _path(points: Points) -> NDArray[np.int32]:
    """Points of the unit square on the canvas, with `_SHIFT` bits."""
    return np.rint(np.asarray(points) * (CANVAS * 2**_SHIFT)).astype(np.int32)


def _filled(outline: Points, blur: float) -> Image:
    """1 inside a closed curve, 0 outside, soft at the rim."""
    canvas = np.zeros((CANVAS, CANVAS), np.float32)
    cv2.fillPoly(canvas, [_path(outline)], 1.0, cv2.LINE_8, _SHIFT)
    return cv2.GaussianBlur(canvas, (0, 0), blur)


def _ellipse(x: float, y: float, rx: float, ry: float, tilt: float = 0.0) -> Points:
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    a, b = rx * np.cos(turn), ry * np.sin(turn)
    return list(zip(x + a * np.cos(tilt) - b * np.sin(tilt), y + a * np.sin(tilt) + b * np.cos(tilt), strict=True))


def _lung(patient: Patient, side: int, base: float) -> Points:
    """Outline of a lung: narrow above, wide below, with the dome of the diaphragm."""
    wide, top = patient.chest * 0.93, patient.apex
    # The liver lifts the right half of the diaphragm, which is on the left of the picture.
    floor = base - (0.03 if side < 0 else 0.0)
    inner = 0.055 if side < 0 else 0.06
    down = np.linspace(0, 1, 18)
    outer_x = wide * (0.42 + 0.58 * np.sin(np.pi / 2 * np.minimum(1, down * 1.25)) ** 0.8)
    outer = [(0.5 + side * x, top + (floor + 0.06 - top) * d) for x, d in zip(outer_x, down, strict=True)]
    across = np.linspace(outer_x[-1], inner + 0.02, 12)
    middle = (across[0] + across[-1]) / 2
    half = (across[0] - across[-1]) / 2
    dome = [(0.5 + side * x, floor + 0.06 - 0.075 * (1 - ((x - middle) / half) ** 2)) for x in across]
    back = [(0.5 + side * (inner + 0.05 * (1 - d) * d), top + 0.02 + (floor - top) * d) for d in down[::-1]]
    crown = [(0.5 + side * (inner + 0.04), top - 0.015), (0.5 + side * wide * 0.3, top - 0.03)]
    return outer + dome + back + crown


def _torso(patient: Patient, base: float) -> Image:
    wide = patient.chest + 0.07
    outline = [(0.5 - 0.13, -0.02), (0.5 + 0.13, -0.02), (0.5 + 0.16, 0.09), (0.5 + wide * 0.98, 0.17)]
    outline += [(0.5 + wide, 0.5), (0.5 + wide * 0.97, 1.02), (0.5 - wide * 0.97, 1.02), (0.5 - wide, 0.5)]
    outline += [(0.5 - wide * 0.98, 0.17), (0.5 - 0.16, 0.09)]
    body = 0.58 * _filled(outline, 5.0)
    arms = [_ellipse(0.5 + side * (wide + 0.06), 0.14, 0.10, 0.13, 0.5 * side) for side in (-1, 1)]
    for arm in arms:
        body = np.maximum(body, 0.45 * _filled(arm, 4.0))
    belly = _filled([(0.0, base + 0.07), (1.0, base + 0.07), (1.0, 1.1), (0.0, 1.1)], 7.0)
    return body + 0.12 * belly * (body > 0.1)


def _lines(segments: list[tuple[Points, float, float]], blur: float) -> Image:
    """Polylines with width (share of the side) and density; where two cross, the later one counts."""
    canvas = np.zeros((CANVAS, CANVAS), np.float32)
    for points, width, strength in segments:
        cv2.polylines(canvas, [_path(points)], False, strength, max(1, round(width * CANVAS)), cv2.LINE_8, _SHIFT)
    return cv2.GaussianBlur(canvas, (0, 0), blur)


def _bones(patient: Patient, base: float) -> Image:
    """Ribs behind and in front, collar bones, spine."""
    rng = np.random.default_rng((*patient.seed, 1))
    slant, wide = rng.uniform(0.10, 0.17), patient.chest * 0.99
    behind, before = [], []
    heights = np.linspace(patient.apex, base + 0.04, 9 if patient.age == "child" else 8)
    along, forward, outward = np.linspace(0.03, 1.0, 14), np.linspace(0, 1, 9), np.linspace(0.03, 0.34, 9)
    rise = slant * (along**1.6) - 0.035 * np.sin(np.pi * along)
    for side in (-1, 1):
        for number, y in enumerate(heights):
            reach = side * wide * min(1.0, 0.62 + 0.13 * number)
            behind.append((list(zip(0.5 + reach * along, y + rise, strict=True)), 0.021, 0.065))
            if number >= 1:
                path = zip(0.5 + reach * (1 - 0.55 * forward), y + slant + 0.10 * forward**0.8, strict=True)
                before.append((list(path), 0.018, 0.03))
        collar = zip(0.5 + side * outward, patient.apex + 0.025 - 0.05 * (outward / 0.35) ** 1.5, strict=True)
        before.append((list(collar), 0.025, 0.10))
    spine = _filled([(0.465, -0.02), (0.535, -0.02), (0.54, 1.02), (0.46, 1.02)], 2.0)
    discs = _lines([([(0.465, y), (0.535, y)], 0.008, -0.05) for y in np.linspace(0.05, 0.98, 15)], 1.0)
    return _lines(behind, 0.9) + _lines(before, 0.9) + 0.10 * spine + discs


def _heart(patient: Patient, base: float, magnified: float) -> Image:
    width = patient.heart * patient.chest * 2 * magnified
    middle = _ellipse(0.5 + 0.2 * width, base - 0.115, width * 0.5, 0.14 * magnified, 0.5)
    vessels = _ellipse(0.5 + 0.012, base - 0.30, 0.075, 0.20)
    knob = _ellipse(0.5 + 0.055, base - 0.40, 0.045, 0.05)
    shape = np.maximum(0.26 * _filled(middle, 2.6), 0.18 * _filled(vessels, 4.0))
    # Below the diaphragm all is dense already, and the heart's rim is lost in it.
    fading = np.clip((base + 0.01 - np.linspace(0, 1, CANVAS, dtype=np.float32)) / 0.06, 0, 1)
    return np.maximum(shape, 0.18 * _filled(knob, 2.5)) * fading[:, None]


def _vessels(patient: Patient, base: float) -> Image:
    """Branches from the root of each lung, thinner as they go."""
    rng = np.random.default_rng((*patient.seed, 2))
    segments = []
    for side in (-1, 1):
        root = (0.5 + side * 0.085, patient.apex + 0.46 * (base - patient.apex))
        for start in np.linspace(-1.25, 1.35, 9) + rng.normal(0, 0.12, 9):
            x, y = root
            points, bend = [(x, y)], rng.normal(0, 0.10)
            for angle in start + bend * np.arange(1, 7):
                x, y = x + side * 0.036 * np.cos(angle), y + 0.042 * np.sin(angle)
                points.append((x, y))
            segments += [(points[2 * k : 2 * k + 3], 0.014 - 0.004 * k, 1.0 - 0.28 * k) for k in range(3)]
    root_shade = sum(
        _filled(_ellipse(0.5 + side * 0.09, patient.apex + 0.47 * (base - patient.apex), 0.045, 0.075), 5.0)
        for side in (-1, 1)
    )
    segments.sort(key=lambda segment: segment[1])
    return patient.vessels * (1.1 * _lines(segments, 0.9) + 0.9 * root_shade)


def _haze(patient: Patient, base: float, breath: float) -> Image:
    """What is no disease and looks a little like one: soft tissue before the lower lungs, more so when breathed out."""
    rng = np.random.default_rng((*patient.seed, 3))
    strength = patient.haze + max(0.0, -breath) * 0.5
    sides = 0.85 + 0.3 * rng.random(2)
    shades = [
        share * _filled(_ellipse(0.5 + side * 0.2, base - 0.05, 0.14, 0.11), 9.0)
        for side, share in zip((-1, 1), sides, strict=True)
    ]
    return strength * (shades[0] + shades[1])


def _opacities(patient: Patient, base: float, rng: np.random.Generator) -> Image:
    """The pneumonia: clouds with the patient's own texture, a little denser or thinner from picture to picture."""
    total = np.zeros((CANVAS, CANVAS), np.float32)
    if not patient.foci:
        return total
    own = np.random.default_rng((*patient.seed, 4))
    fine = patient.pattern == "interstitial"
    grain = _clouds(own, 40 if fine else 14)
    rows, columns = np.mgrid[0:CANVAS, 0:CANVAS].astype(np.float32) / CANVAS
    height = base - patient.apex
    for side, across, down, radius in patient.foci:
        x = 0.5 + side * (0.06 + (patient.chest * 0.9 - 0.06) * across)
        y = patient.apex + height * (0.12 + 0.80 * down)
        stretch = own.uniform(0.75, 1.35)
        distance = np.sqrt(((columns - x) / (radius * stretch)) ** 2 + ((rows - y) * stretch / radius) ** 2)
        edge = 1 / (1 + np.exp(np.minimum((distance + 0.7 * (grain - 0.5) - 0.9) / 0.16, 30)))
        total = np.maximum(total, edge * own.uniform(0.8, 1.0))
    texture = 0.25 + 1.1 * grain if fine else 0.75 + 0.5 * (grain - 0.5)
    return (patient.severity * rng.uniform(0.8, 1.2) * total * texture).astype(np.float32)


def _clouds(rng: np.random.Generator, cells: int) -> Image:
    """Smooth noise between 0 and 1, of two sizes of grain."""
    coarse, fine = (
        cv2.resize(rng.random((n, n), dtype=np.float32), (CANVAS, CANVAS), interpolation=cv2.INTER_CUBIC)
        for n in (cells // 2, cells)
    )
    return np.clip(0.6 * coarse + 0.4 * fine, 0, 1)


def _expose(density: Image, site: str, lying: bool, rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    """Position, exposure, blur, noise, collimation and the technician's letter."""
    turn = cv2.getRotationMatrix2D((CANVAS / 2, CANVAS / 2), rng.normal(0, 2.2), rng.normal(1.0, 0.03))
    matrix = turn + np.pad(rng.normal(0, 0.012 * CANVAS, (2, 1)), ((0, 0), (2, 0)))
    density = cv2.warpAffine(density, matrix, (CANVAS, CANVAS), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if lying:  # scattered rays lay a veil over pictures taken in bed
        density = 0.93 * density + 0.07 * cv2.GaussianBlur(density, (0, 0), 16)
    sharp, noise, contrast = (0.5, 0.016, 1.02) if site == "a" else (1.1, 0.026, 0.92)
    density = cv2.GaussianBlur(density, (0, 0), sharp)
    level = rng.normal(0.03, 0.025)
    grey = level + contrast * rng.normal(1.0, 0.05) * density
    # Fewer rays pass where it is dense, so that the noise is greater there.
    grey = grey + noise * np.sqrt(0.4 + np.clip(density, 0, 1)) * rng.standard_normal(grey.shape, dtype=np.float32)
    picture = np.clip(grey, 0, 1) ** rng.uniform(0.92, 1.08)
    if site == "b":
        _collimate(picture, rng)
    pixels = np.rint(255 * picture).astype(np.uint8)
    _letter(pixels, rng)
    return cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA)[..., None]


def _collimate(picture: Image, rng: np.random.Generator) -> None:
    left, top, right, bottom = rng.integers(0, 9, 4)
    picture[:top], picture[CANVAS - bottom :] = 0.02, 0.02
    picture[:, :left], picture[:, CANVAS - right :] = 0.02, 0.02


def _letter(picture: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """An R beside the patient's right shoulder, or an L beside the left one; it has nothing to do with the disease."""
    letter, x = ("R", 0.04) if rng.random() < 0.5 else ("L", 0.90)
    place = (round((x + rng.normal(0, 0.008)) * CANVAS), round((0.10 + rng.normal(0, 0.012)) * CANVAS))
    cv2.putText(picture, letter, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 247, 1, cv2.LINE_8)
