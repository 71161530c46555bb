"""How far the versions of an image may lie from it."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

BORDERS = ("constant", "edge", "reflect")


@dataclass(frozen=True, slots=True)
class Policy:
    """Ranges, from which every version draws uniformly, and probabilities.

    Attributes
    ----------
    mirror, upend
        Probability to flip left and right, top and bottom.
    crop
        Share of the side that each of the four sides loses; negative adds a border. What is left is stretched to the
        image's size.
    scale
        Factor, for width and height apart.
    translate
        Share of the width and of the height.
    rotate, shear
        Degrees.
    borders
        What stands where no pixel came from: one grey (`constant`), the pixels at the edge (`edge`), a mirror image
        (`reflect`); drawn from those named. A mirror image would show objects that no box names.
    blur_probability, blur
        Standard deviation in pixels of a Gaussian.
    noise_probability, noise
        Standard deviation of Gaussian noise, of 255.
    noise_in_colour
        Probability that the noise of the channels differs.
    visible
        Least share of a box's area that must be left inside the version, else the box is dropped.

    Raises
    ------
    DataError
        A range or a probability that cannot be.
    """

    mirror: float = 0.5
    upend: float = 0.1
    crop: tuple[float, float] = (-0.1, 0.1)
    scale: tuple[float, float] = (0.8, 1.2)
    translate: tuple[float, float] = (-0.1, 0.1)
    rotate: tuple[float, float] = (-45.0, 45.0)
    shear: tuple[float, float] = (-16.0, 16.0)
    borders: tuple[str, ...] = BORDERS
    blur_probability: float = 0.5
    blur: tuple[float, float] = (0.3, 1.2)
    noise_probability: float = 0.5
    noise: tuple[float, float] = (0.0, 0.05 * 255)
    noise_in_colour: float = 0.5
    visible: float = 0.3

    def __post_init__(self) -> None:
        for name in ("mirror", "upend", "blur_probability", "noise_probability", "noise_in_colour", "visible"):
            _inside(name, getattr(self, name), 0, 1)
        limits = {
            "crop": (-1, 0.49),
            "scale": (0.05, 20),
            "translate": (-1, 1),
            "rotate": (-360, 360),
            "shear": (-80, 80),
            "blur": (0, 20),
            "noise": (0, 255),
        }
        for name, (least, most) in limits.items():
            low, high = getattr(self, name)
            for value in (low, high):
                _inside(name, value, least, most)
            if low > high:
                raise DataError(name, (low, high), "must begin with the smaller number")
        if not self.borders or not set(self.borders) <= set(BORDERS):
            raise DataError("borders", self.borders, f"must name one or more of {', '.join(BORDERS)}")


def for_boxes(policy: Policy) -> Policy:
    """The same without mirror images at the border, which would show objects that no box names."""
    kept = tuple(name for name in policy.borders if name != "reflect")
    return dataclasses.replace(policy, borders=kept or ("constant",))


def read(path: Path) -> Policy:
    """A policy from a JSON object that holds what differs from the usual one.

    Raises
    ------
    DataError
        No such file, no JSON object, an unknown name, a value that cannot be.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError("--policy", str(path), f"cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise DataError("--policy", str(path), f"is not JSON ({error})") from None
    fields = {field.name: field for field in dataclasses.fields(Policy)}
    if not isinstance(document, dict) or not set(document) <= set(fields):
        known = ", ".join(fields)
        raise DataError("--policy", str(path), f"must be a JSON object with some of {known}")
    usual = Policy()
    values = {name: _like(getattr(usual, name), name, value) for name, value in document.items()}
    return dataclasses.replace(usual, **values)


def _like(usual: Any, name: str, value: Any) -> Any:
    """`value` in the type of the usual one."""
    if isinstance(usual, float):
        return value
    if not isinstance(value, list) or (name != "borders" and len(value) != 2):
        raise DataError(name, value, "must be a list such as " + json.dumps(usual))
    return tuple(value)


def _inside(name: str, value: Any, least: float, most: float) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not least <= value <= most:
        raise DataError(name, value, f"must be a number from {least:g} to {most:g}")
