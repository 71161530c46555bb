"""Take boxes along with the pixels of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.data.records import Box

if TYPE_CHECKING:
    from collections.abc import Iterable

    from training.data.augment.draw import Matrix

    Points = list[tuple[float, float]]


def moved(boxes: Iterable[Box], matrix: Matrix, size: tuple[int, int], visible: float) -> tuple[Box, ...]:
    """The smallest upright boxes around what is left of each box inside an image of `size` (width, height).

    A box of whose area less than the share `visible` is left is dropped, as is one thinner than a pixel.
    """
    found = []
    for box in boxes:
        corners = [(box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom)]
        whole = [mapped(matrix, x, y) for x, y in corners]
        left = inside(whole, *size)
        if not left or area(left) < visible * area(whole):
            continue
        # Rounding may leave a corner outside by a hair.
        across = [min(max(x, 0.0), size[0]) for x, _ in left]
        down = [min(max(y, 0.0), size[1]) for _, y in left]
        new = Box(box.class_id, min(across), min(down), max(across), max(down))
        if new.right - new.left >= 1 and new.bottom - new.top >= 1:
            found.append(new)
    return tuple(found)


def mapped(matrix: Matrix, x: float, y: float) -> tuple[float, float]:
    a, b, c, d, e, f = matrix
    return a * x + b * y + c, d * x + e * y + f


def inside(polygon: Points, width: float, height: float) -> Points:
    """The part of a convex polygon that lies inside an image, clipped side by side (Sutherland and Hodgman, 1974)."""
    for axis, limit, sign in ((0, 0.0, 1), (0, width, -1), (1, 0.0, 1), (1, height, -1)):
        kept: Points = []
        for place, point in enumerate(polygon):
            before = polygon[place - 1]
            here, there = sign * (point[axis] - limit), sign * (before[axis] - limit)
            if (here >= 0) != (there >= 0):
                share = there / (there - here)
                kept.append((before[0] + share * (point[0] - before[0]), before[1] + share * (point[1] - before[1])))
            if here >= 0:
                kept.append(point)
        polygon = kept
    return polygon


def area(polygon: Points) -> float:
    """By the shoelace formula."""
    pairs = zip(polygon, [*polygon[1:], *polygon[:1]], strict=True)
    return abs(sum(x * after_y - after_x * y for (x, y), (after_x, after_y) in pairs)) / 2
