"""A picture that is as hard to compress as a photograph, and always the same."""

from __future__ import annotations

import cv2
import numpy as np


def jpeg(width: int, height: int) -> bytes:
    """Soft shapes under a little noise, in quality 90."""
    lot = np.random.default_rng(0)
    coarse = lot.integers(0, 255, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    shapes = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    noise = lot.integers(0, 6, (height, width, 3), dtype=np.uint8)
    softened = cv2.GaussianBlur(cv2.add(shapes, noise), (3, 3), 0)
    return cv2.imencode(".jpg", softened, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
