"""Image files of the input channels, for jobs that read them while they train."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING

from training.errors import TrainingError
from training.learning.streaming import Files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def listed(channel: Path, classes: Sequence[str]) -> Files:
    """Every file below `<channel>/<class>/`, in the order of the classes and of the names.

    Raises
    ------
    TrainingError
        The channel or a class is missing or empty.
    """
    if not channel.is_dir():
        raise TrainingError("channel", str(channel), "there is no such folder; stage the data or set SM_CHANNEL_*")
    found: list[tuple[Path, int]] = []
    for label, name in enumerate(classes):
        paths = sorted((channel / name).glob("*.*"))
        if not paths:
            raise TrainingError("channel", str(channel), f"has no images of {name!r}; stage the data again")
        found += [(path, label) for path in paths]
    return Files(tuple(path for path, _ in found), tuple(label for _, label in found))


def refuse_shared(splits: Mapping[str, Files]) -> None:
    """Make sure that no file stands in two splits, whatever it is called.

    Raises
    ------
    TrainingError
        One does.
    """
    by_size: dict[int, list[tuple[str, Path]]] = defaultdict(list)
    for split, files in splits.items():
        for path in files.paths:
            by_size[path.stat().st_size].append((split, path))
    for members in by_size.values():
        if len({split for split, _ in members}) == 1:
            continue
        seen: dict[bytes, tuple[str, Path]] = {}
        for split, path in members:
            other, where = seen.setdefault(hashlib.sha256(path.read_bytes()).digest(), (split, path))
            if other != split:
                name, twin = (
                    f"{part}/{file.parent.name}/{file.name}" for part, file in ((split, path), (other, where))
                )
                raise TrainingError("dataset", name, f"is the same image as {twin}; stage the data again")
