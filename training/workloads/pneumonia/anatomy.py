"""Who a drawn patient is: the shape of the chest and the disease, the same in all of the patient's pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SITES, AGES, VIEWS = ("a", "b"), ("child", "adult"), ("pa", "ap")

PATTERNS = ("lobar", "patchy", "interstitial")
"""A dense focus, several soft ones, a fine veil: how pneumonia shows."""


@dataclass(frozen=True, slots=True)
class Patient:
    """Lengths are shares of the picture's side, angles radians, densities shares of the detector's range.

    Attributes
    ----------
    seed
        Of everything that is the patient's own: vessels, texture of an opacity, slant of the ribs.
    chest, apex, base
        Half width of the rib cage, and heights of the lungs' upper and lower ends, from the top.
    heart
        Width of the heart as a share of the chest's (the cardiothoracic ratio).
    tissue
        How much soft tissue lies before and behind the lungs: the darker the lungs, the thinner the patient.
    vessels
        How clearly the lung's vessels show; strong ones look like a faint disease.
    severity
        Density of the opacities at their centre; 0 for a healthy patient.
    """

    seed: tuple[int, ...]
    age: str
    chest: float
    apex: float
    base: float
    heart: float
    tissue: float
    vessels: float
    haze: float
    pattern: str | None
    severity: float
    foci: tuple[tuple[int, float, float, float], ...]


def patient(ill: bool, seed: tuple[int, ...]) -> Patient:
    """Draw a patient.

    Severities reach down to what cannot be told from strong vessels or haze, so that the classes overlap as they do in
    life and no model can be right always.
    """
    rng = np.random.default_rng(seed)
    age = AGES[int(rng.random() < 0.7)]
    child = age == "child"
    pattern = str(rng.choice(PATTERNS, p=(0.45, 0.35, 0.2))) if ill else None
    severity = float(0.10 + 0.65 * rng.beta(1.6, 1.6)) if ill else 0.0
    return Patient(
        seed=seed,
        age=age,
        chest=float(rng.normal(0.36 if child else 0.385, 0.018)),
        apex=float(rng.normal(0.17, 0.015)),
        base=float(rng.normal(0.69 if child else 0.74, 0.025)),
        heart=float(np.clip(rng.normal(0.52 if child else 0.46, 0.035), 0.36, 0.62)),
        tissue=float(np.clip(rng.normal(0.0, 0.03), -0.06, 0.08)),
        vessels=float(rng.gamma(3.0, 0.014)),
        haze=float(rng.gamma(1.2, 0.018)),
        pattern=pattern,
        severity=severity,
        foci=_foci(pattern, rng),
    )


def _foci(pattern: str | None, rng: np.random.Generator) -> tuple[tuple[int, float, float, float], ...]:
    """Where opacities are: lung (-1 left of the picture, 1 right), across and down within it, and radius."""
    if pattern is None:
        return ()
    if pattern == "interstitial":
        return tuple((lung, 0.5, float(rng.uniform(0.45, 0.7)), float(rng.uniform(0.24, 0.34))) for lung in (-1, 1))
    count = 1 if pattern == "lobar" else int(rng.integers(3, 7))
    radius = (0.14, 0.23) if pattern == "lobar" else (0.06, 0.11)
    sides = rng.choice((-1, 1), count) if pattern == "patchy" else [rng.choice((-1, 1))]
    return tuple(
        # More often below than above, as it is.
        (int(side), float(rng.uniform(0.2, 0.8)), float(rng.beta(2.4, 1.4)), float(rng.uniform(*radius)))
        for side in sides
    )
