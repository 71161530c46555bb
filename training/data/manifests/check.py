"""Check an AugmentedManifest line by line before a training job finds out."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.data.boxes import boxes_of
from training.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MOST_CHARACTERS = 100_000
"""Of a line; Ground Truth's own limit (https://docs.aws.amazon.com/sagemaker/latest/dg/sms-input-data-input-manifest.html)."""

_REFERENCE = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Checked:
    """What stands in a manifest: lines, lines by class, and boxes."""

    lines: int
    classes: dict[str, int]
    boxes: int


def check(path: Path, classes: Sequence[str] | None = None) -> Checked:
    """Read a manifest to its end.

    Parameters
    ----------
    classes
        What the labels are numbers of; None where any number is right.

    Raises
    ------
    DataError
        The first wrong line, with file, line, field, value and remedy; an empty file.
    """
    try:
        with path.open(encoding="utf-8") as file:
            return check_lines(file, str(path), classes)
    except OSError as error:
        raise DataError("manifest", str(path), f"cannot be read ({error.strerror}); check the path") from None
    except UnicodeDecodeError as error:
        raise DataError("manifest", str(path), f"is not UTF-8 ({error.reason} at byte {error.start})") from None


def check_lines(lines: Iterable[str], name: str, classes: Sequence[str] | None = None) -> Checked:
    """As `check`, for lines from anywhere; `name` is what errors call them."""
    counts: dict[str, int] = {}
    boxes = number = 0
    with closing(_Seen()) as seen:
        for number, text in enumerate(lines, start=1):
            where = f"{name}, line {number}"
            document = _document(text, where)
            first = seen.first(document["source-ref"], number)
            if first != number:
                remedy = f"stands in line {first} already; an image may be listed once"
                raise DataError(f"{where}, source-ref", document["source-ref"], remedy)
            for label, metadata in _labels(document, where):
                if isinstance(label, dict):
                    boxes += _boxes(label, metadata, where, classes)
                else:
                    known = _class(label, metadata, where, classes)
                    counts[known] = counts.get(known, 0) + 1
    if not number:
        raise DataError("manifest", name, "is empty; a training job would fail on it")
    return Checked(number, dict(sorted(counts.items())), boxes)


def _document(text: str, where: str) -> dict[str, Any]:
    if len(text) > MOST_CHARACTERS:
        raise DataError(where, f"{text[:60]}...", f"has {len(text)} characters, at most {MOST_CHARACTERS} are read")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(where, text.strip()[:80], f"is not JSON ({error}); write one object per line") from None
    if not isinstance(document, dict):
        raise DataError(where, text.strip()[:80], "is no JSON object; write one object per line")
    reference = document.get("source-ref")
    if not isinstance(reference, str) or _REFERENCE.fullmatch(reference) is None:
        raise DataError(f"{where}, source-ref", reference, "must be the image's address, s3://bucket/key")
    return document


def _labels(document: dict[str, Any], where: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Values of the label attributes, and their metadata; a line without one is unlabelled."""
    found = False
    for name, metadata in document.items():
        if not name.endswith("-metadata"):
            continue
        label = name.removesuffix("-metadata")
        if label not in document:
            raise DataError(f"{where}, {label}", None, f"is missing beside {name}; label the image or remove the line")
        if not isinstance(metadata, dict):
            raise DataError(f"{where}, {name}", metadata, "must be an object with what is known of the label")
        found = True
        yield document[label], metadata
    if not found:
        raise DataError(
            where, document["source-ref"], "has no label with its -metadata; label the image or remove the line"
        )


def _class(label: Any, metadata: dict[str, Any], where: str, classes: Sequence[str] | None) -> str:
    if not isinstance(label, int) or isinstance(label, bool) or label < 0:
        raise DataError(f"{where}, label", label, "must be a class number from 0, or an object with boxes")
    name = metadata.get("class-name", str(label))
    if classes is not None and (label >= len(classes) or name != classes[label]):
        known = ", ".join(f"{number} {known}" for number, known in enumerate(classes))
        raise DataError(f"{where}, class-name", f"{label} {name}", f"is no class; the classes are {known}")
    return str(name)


def _boxes(label: dict[str, Any], metadata: dict[str, Any], where: str, classes: Sequence[str] | None) -> int:
    found = boxes_of(label, where, None if classes is None else len(classes))
    named = metadata.get("class-map", {})
    for position, box in enumerate(found):
        name = named.get(str(box.class_id)) if isinstance(named, dict) else None
        field = f"{where}, annotations[{position}].class_id"
        if name is None:
            raise DataError(field, box.class_id, "does not stand in the metadata's class-map; add its name there")
        if classes is not None and name != classes[box.class_id]:
            raise DataError(
                field, f"{box.class_id} {name}", f"is {classes[box.class_id]} in the model; correct one of them"
            )
    return len(found)


class _Seen:
    """Which line named an image first; on disk, because there may be millions."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._db = sqlite3.connect(Path(self._folder.name, "seen.sqlite"), isolation_level=None)
        self._db.execute("pragma synchronous = off")
        self._db.execute("pragma journal_mode = off")
        self._db.execute("create table seen (digest blob primary key, line integer) without rowid")
        self._db.execute("begin")

    def first(self, reference: str, line: int) -> int:
        """The line that named it first, perhaps this one."""
        digest = hashlib.blake2b(reference.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        try:
            self._db.execute("insert into seen values (?, ?)", [digest, line])
        except sqlite3.IntegrityError:
            found = self._db.execute("select line from seen where digest = ?", [digest]).fetchone()
            return int(found[0])
        return line

    def close(self) -> None:
        self._db.close()
        self._folder.cleanup()
