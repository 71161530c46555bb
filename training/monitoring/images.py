"""Pictures as rows of numbers, so that every check and test for tables works for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.monitoring.errors import DamageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMNS = ("brightness", "contrast", "sharpness", "saturation", "width", "height", "kilobytes")

_PIXELS = 50_000_000
_SIDE = 1024


def statistics(content: bytes) -> dict[str, float]:
    """Pixel statistics of an encoded picture, by the names of `COLUMNS`.

    Raises
    ------
    DamageError
        The bytes are no picture, or one of more than 50 million pixels.
    """
    import cv2  # noqa: PLC0415  tables do not need it

    data = np.frombuffer(content, dtype=np.uint8)
    try:
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:
        picture = None
    if picture is None:
        raise DamageError("the payload is no picture")
    height, width = picture.shape[:2]
    if height * width > _PIXELS:
        raise DamageError(f"the picture has {height * width} pixels")
    scale = max(height, width) / _SIDE
    if scale > 1:  # what a big picture looks like is seen at a smaller size too, at a bounded cost
        size = max(1, int(width / scale)), max(1, int(height / scale))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    blue, green, red = (picture[..., channel].astype(float) / 255 for channel in range(3))
    grey = luma(red, green, blue)
    high = np.maximum(np.maximum(red, green), blue)
    spread = high - np.minimum(np.minimum(red, green), blue)
    return {
        "brightness": float(grey.mean()),
        "contrast": float(grey.std()),
        "sharpness": sharpness(grey),
        "saturation": float(np.divide(spread, high, out=np.zeros_like(high), where=high > 0).mean()),
        "width": float(width),
        "height": float(height),
        "kilobytes": len(content) / 1024,
    }


def luma(red: NDArray[np.float64], green: NDArray[np.float64], blue: NDArray[np.float64]) -> NDArray[np.float64]:
    """Perceived brightness, 0 to 1: 0.299 R + 0.587 G + 0.114 B.

    ITU-R BT.601, https://www.itu.int/rec/R-REC-BT.601. Contrast is its standard deviation (RMS contrast; Peli,
    Contrast in complex images, JOSA A 7 (1990), https://doi.org/10.1364/JOSAA.7.002032).
    """
    return 0.299 * red + 0.587 * green + 0.114 * blue


def sharpness(grey: NDArray[np.float64]) -> float:
    """Variance of the Laplacian, x(r-1,c) + x(r+1,c) + x(r,c-1) + x(r,c+1) - 4 x(r,c): low for a blurred picture.

    Pech-Pacheco et al.: Diatom autofocusing in brightfield microscopy, ICPR 2000,
    https://doi.org/10.1109/ICPR.2000.903548.
    """
    if min(grey.shape) < 3:
        return 0.0
    inner = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
    return float(inner.var())
