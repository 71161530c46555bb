"""Kinds of cars, by the outline of their sides."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of car; x runs from -1 (tail) to 1 (nose) in half lengths, z upwards in metres.

    Attributes
    ----------
    outline
        The upper edge of the body without its cabin, from the nose's foot over the bonnet to the tail's foot.
    cabin
        Foot of the windscreen, its top, the end of the roof, foot of the rear window.
    wheels
        Places of the front and the rear axle, and the radius of a wheel in metres.
    panelled
        The cabin is closed behind the driver.
    """

    length: float
    width: float
    outline: tuple[tuple[float, float], ...]
    cabin: tuple[tuple[float, float], ...]
    wheels: tuple[float, float, float]
    panelled: bool = False


SHAPES = {
    "sedan": Shape(
        4.6,
        1.82,
        (
            (0.97, 0.28),
            (1.0, 0.52),
            (0.98, 0.68),
            (0.9, 0.8),
            (0.4, 0.94),
            (-0.7, 1.0),
            (-0.96, 0.96),
            (-1.0, 0.6),
            (-0.97, 0.3),
        ),
        ((0.42, 0.94), (0.12, 1.4), (-0.42, 1.42), (-0.74, 1.0)),
        (0.62, -0.6, 0.33),
    ),
    "hatchback": Shape(
        3.9,
        1.74,
        (
            (0.96, 0.28),
            (1.0, 0.5),
            (0.97, 0.7),
            (0.86, 0.84),
            (0.5, 0.97),
            (-0.9, 1.02),
            (-0.99, 0.85),
            (-1.0, 0.55),
            (-0.96, 0.3),
        ),
        ((0.54, 0.96), (0.2, 1.46), (-0.72, 1.46), (-0.95, 1.02)),
        (0.64, -0.66, 0.31),
    ),
    "suv": Shape(
        4.6,
        1.92,
        (
            (0.97, 0.34),
            (1.0, 0.62),
            (0.98, 0.86),
            (0.9, 0.98),
            (0.42, 1.1),
            (-0.94, 1.14),
            (-0.99, 1.0),
            (-1.0, 0.62),
            (-0.96, 0.38),
        ),
        ((0.44, 1.09), (0.2, 1.68), (-0.82, 1.68), (-0.97, 1.14)),
        (0.62, -0.62, 0.38),
    ),
    "van": Shape(
        4.9,
        1.95,
        (
            (0.97, 0.3),
            (1.0, 0.58),
            (0.97, 0.86),
            (0.88, 1.02),
            (0.74, 1.12),
            (-0.98, 1.16),
            (-1.0, 0.95),
            (-1.0, 0.5),
            (-0.98, 0.32),
        ),
        ((0.76, 1.11), (0.46, 1.92), (-0.95, 1.95), (-0.99, 1.16)),
        (0.66, -0.62, 0.34),
        panelled=True,
    ),
    "pickup": Shape(
        5.0,
        1.92,
        (
            (0.97, 0.36),
            (1.0, 0.64),
            (0.98, 0.86),
            (0.92, 0.98),
            (0.4, 1.08),
            (-0.3, 1.1),
            (-0.99, 1.06),
            (-1.0, 0.7),
            (-0.97, 0.4),
        ),
        ((0.42, 1.08), (0.2, 1.68), (-0.22, 1.7), (-0.32, 1.1)),
        (0.64, -0.62, 0.39),
    ),
    "coupe": Shape(
        4.3,
        1.82,
        (
            (0.96, 0.24),
            (1.0, 0.44),
            (0.97, 0.58),
            (0.88, 0.7),
            (0.34, 0.84),
            (-0.82, 0.92),
            (-0.97, 0.84),
            (-1.0, 0.5),
            (-0.96, 0.26),
        ),
        ((0.38, 0.84), (0.04, 1.24), (-0.34, 1.25), (-0.84, 0.92)),
        (0.62, -0.6, 0.33),
    ),
}
