"""Small detection problems for tests: bright rectangles on dark noise."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import torch

from training.data import boxes as annotations
from training.data.records import Box
from training.learning.images import Split

SIDE = 64


def rectangles(count: int, seed: int) -> Split:
    """One or two bright rectangles per image, and none in every fourth."""
    rng = np.random.default_rng(seed)
    images = rng.normal(70, 12, (count, 3, SIDE, SIDE))
    labels = torch.zeros(count, 2, 5)
    labels[..., 0] = -1
    for k in range(count):
        for row in range(0 if k % 4 == 3 else 1 + k % 2):
            wide, high = rng.integers(14, 34, 2)
            left, top = (
                rng.integers(0, SIDE - wide),
                rng.integers(0, SIDE // 2) if row else rng.integers(0, SIDE - high),
            )
            high = min(high, SIDE - top)
            images[k, :, top : top + high, left : left + wide] += 110
            labels[k, row] = torch.tensor([0.0, left, top, left + wide, top + high])
    pixels = torch.from_numpy(images.clip(0, 255).astype(np.uint8))
    return Split(pixels, labels, tuple(f"{seed}_{k}.png" for k in range(count)))


def write_channel(folder: Path, split: Split, classes: tuple[str, ...] = ("car",)) -> Path:
    """A staged channel of these images."""
    folder.mkdir(parents=True)
    lines = []
    for image, rows, name in zip(split.images, split.labels, split.names, strict=True):
        cv2.imwrite(str(folder / name), image.permute(1, 2, 0).numpy()[:, :, ::-1])
        found = [Box(int(row[0]), *(float(edge) for edge in row[1:])) for row in rows if row[0] >= 0]
        lines.append(annotations.line(name, SIDE, SIDE, 3, found))
    (folder / annotations.FILE).write_text("\n".join(lines) + "\n")
    about = {"source": "rectangles", "synthetic": True, "classes": list(classes)}
    (folder / "dataset.json").write_text(json.dumps(about))
    return folder
