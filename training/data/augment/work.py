"""One process's share of an augmentation: read an image, make its versions, write each whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
from multiprocessing import connection, parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from training.data import boxes as lines
from training.data.augment.images import version, version_with_boxes
from training.data.records import Box
from training.errors import DataError

if TYPE_CHECKING:
    from training.data.augment.ledger import Source
    from training.data.augment.settings import Settings


class Task(NamedTuple):
    """Images whose versions one process makes.

    Attributes
    ----------
    channel, out
        Folders of the images and of their versions.
    unfinished
        Folder on the same disk for what is being written.
    """

    channel: str
    out: str
    unfinished: str
    settings: Settings
    sources: tuple[Source, ...]


def prepare() -> None:
    """Make a worker process end with its parent, whatever ends it, and leave Ctrl-C to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    parent = parent_process()
    if parent is not None:
        sentinel = parent.sentinel
        threading.Thread(target=lambda: (connection.wait([sentinel]), os._exit(1)), daemon=True).start()


def perform(task: Task) -> list[tuple[str, dict[str, Any]]]:
    """Write the versions of the task's images; path of each image, and what the manifest says of it.

    Raises
    ------
    DataError
        An image that cannot be decoded; names it.
    OSError
        A version cannot be written.
    """
    return [(source.path, _versions(task, source)) for source in task.sources]


def _versions(task: Task, source: Source) -> dict[str, Any]:
    content = Path(task.channel, source.path).read_bytes()
    # As training reads it: turned as its EXIF data say, 8 bits, grey or colour.
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_ANYCOLOR) if content else None
    if image is None:
        raise DataError("image", source.path, "cannot be decoded; remove it, or see `python -m training.data check`")
    pixels = image.astype(np.uint8, copy=False)
    given = boxes_of(source)
    boxes = None if given is None else tuple(Box(*box) for box in given)
    files: dict[str, str] = {}
    annotations: list[str] = []
    for copy, file in enumerate(task.settings.files(source.path), start=1):
        seed, policy = task.settings.seed, task.settings.policy
        if boxes is None:
            made = version(pixels, source.path, copy, seed=seed, policy=policy)
        else:
            made, moved = version_with_boxes(pixels, boxes, source.path, copy, seed=seed, policy=policy)
            depth = 1 if made.ndim == 2 else made.shape[2]
            annotations.append(lines.line(file, made.shape[1], made.shape[0], depth, moved))
        files[file] = _write(task, file, _encoded(made, task.settings))
    digest = hashlib.sha256(content).hexdigest()
    return {"sha256": digest, "boxes": given, "files": files, "annotations": annotations}


def boxes_of(source: Source) -> list[list[Any]] | None:
    """Class, left, top, right and bottom of each box of an image; None where images have no boxes."""
    return None if source.boxes is None else json.loads(source.boxes)


def _encoded(pixels: np.ndarray[Any, Any], settings: Settings) -> bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, settings.quality] if settings.format == "jpg" else []
    ok, encoded = cv2.imencode(f".{settings.format}", pixels, options)
    if not ok:
        raise OSError("a version could not be encoded")
    return encoded.tobytes()


def _write(task: Task, file: str, content: bytes) -> str:
    target = Path(task.out, file)
    partial = Path(task.unfinished, f"{os.getpid()}.part")
    partial.write_bytes(content)
    try:
        partial.replace(target)
    except FileNotFoundError:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.replace(target)
    return hashlib.sha256(content).hexdigest()
