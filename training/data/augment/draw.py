"""Draw what one version of an image looks like, from the seed, the image's name and the version's number alone.

The numbers are the output of SHAKE-128 over those three, so that any version can be made again without those before it,
in any order and by any process; a random generator would cost more to seed than it is asked for.
"""

from __future__ import annotations

import hashlib
import math
import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from training.data.augment.policy import Policy

Matrix = tuple[float, float, float, float, float, float]
"""a, b, c, d, e, f: a point (x, y) goes to (a x + b y + c, d x + e y + f). Pixel 0 reaches from 0 to 1."""

_NUMBERS = struct.Struct("<20I")


class Version(NamedTuple):
    """Everything that is random about one version.

    Attributes
    ----------
    matrix
        From the image to its version.
    border, fill
        Name of the border, and its grey value where it is constant.
    blur, noise
        Standard deviations in pixels and in grey values; 0 for none.
    in_colour
        Whether the noise of the channels differs.
    place
        Where in the store of noise to begin, 0 to 1.
    """

    matrix: Matrix
    border: str
    fill: int
    blur: float
    noise: float
    in_colour: bool
    place: float


def draw(
    policy: Policy, seed: int, name: str, copy: int, *, size: tuple[int, int], out: tuple[int, int] | None = None
) -> Version:
    """One version of the image `name`.

    Parameters
    ----------
    size, out
        Width and height of the image, and of the version; equal where `out` is None.
    """
    content = f"{seed}/{copy}/{name}".encode("utf-8", "surrogateescape")
    number = [value * 2.0**-32 for value in _NUMBERS.unpack(hashlib.shake_128(content).digest(_NUMBERS.size))]
    crops = tuple(_between(policy.crop, value) for value in number[2:6])
    stretch = tuple(_between(policy.scale, value) for value in number[6:8])
    moved = tuple(_between(policy.translate, value) for value in number[8:10])
    flipped = (number[0] < policy.mirror, number[1] < policy.upend)
    # Neither axis can be lost: a crop leaves something, a factor is above 0.
    left, top, right, bottom = crops
    across, down = (
        (-factor if flip else factor) / (1 - lost)
        for factor, flip, lost in zip(stretch, flipped, (left + right, top + bottom), strict=True)
    )
    angle, slant = math.radians(_between(policy.rotate, number[10])), _between(policy.shear, number[11])
    cosine, sine, shear = math.cos(angle), math.sin(angle), math.tan(math.radians(slant))
    linear = (
        (across * cosine, down * (shear * cosine - sine)),
        (across * sine, down * (shear * sine + cosine)),
    )
    middle = ((1 + left - right) * size[0] / 2, (1 + top - bottom) * size[1] / 2)
    matrix = _about(linear, middle, moved, size, out or size)
    return Version(
        matrix,
        border=policy.borders[int(number[12] * len(policy.borders))],
        fill=int(number[13] * 256),
        blur=_between(policy.blur, number[15]) if number[14] < policy.blur_probability else 0.0,
        noise=_between(policy.noise, number[17]) if number[16] < policy.noise_probability else 0.0,
        in_colour=number[18] < policy.noise_in_colour,
        place=number[19],
    )


def _about(
    linear: tuple[tuple[float, float], tuple[float, float]],
    middle: tuple[float, float],
    moved: tuple[float, ...],
    size: tuple[int, int],
    out: tuple[int, int],
) -> Matrix:
    """Take the middle of what the crop leaves to that of the version, moved by a share of it, and the rest around it.

    To stretch what is left over the whole image, flip, scale, shear, rotate and move it is one linear map about these
    middles: rotation x shear x scale.
    """
    wider, higher = out[0] / size[0], out[1] / size[1]
    a, b = (wider * value for value in linear[0])
    d, e = (higher * value for value in linear[1])
    x, y = middle
    return a, b, out[0] * (0.5 + moved[0]) - a * x - b * y, d, e, out[1] * (0.5 + moved[1]) - d * x - e * y


def _between(ends: tuple[float, float], share: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * share
