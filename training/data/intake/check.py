"""Check all images of a place: each file for itself, its label, and whether it stands in several splits."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from training.data import AUGMENTED
from training.data.augment.channel import SUFFIXES
from training.data.intake import labels
from training.data.intake.image import MOST_PIXELS, Finding, look, mend
from training.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.data.intake.labels import Label
    from training.data.places import Place
    from training.data.progress import Progress

_PICTURES = SUFFIXES | {".gif"}


class Trouble(NamedTuple):
    """A finding about a file."""

    path: str
    finding: Finding

    def line(self) -> str:
        return f"{self.path}: {self.finding.what}. {self.finding.remedy[0].upper()}{self.finding.remedy[1:]}."


@dataclass(slots=True)
class Report:
    """What a check saw.

    Attributes
    ----------
    images
        Files looked at.
    kinds
        How often each kind of finding occurred.
    kept, mended, left_out
        Files of the new folder that are as they were, that were mended; and that are not in it.
    """

    images: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    kept: int = 0
    mended: int = 0
    left_out: int = 0


def check(
    place: Place,
    tell: Callable[[Trouble], None],
    *,
    classes: tuple[str, ...] | None = None,
    most_pixels: int = MOST_PIXELS,
    fix: Path | None = None,
    progress: Progress | None = None,
) -> Report:
    """Look at every image, tell what is wrong, and write what is good or can be mended to the folder `fix`.

    Raises
    ------
    DataError
        There are no images, `labels.csv` cannot be used, or `fix` is not empty.
    """
    if fix is not None and fix.exists() and any(fix.iterdir()):
        raise DataError("--fix", str(fix), "holds files; name an empty or a new folder")
    table = labels.by_table(place)
    paths = [path for path in place.paths if is_picture(path)]
    if not paths:
        raise DataError("source", place.name, "holds no images; name a folder of class folders, or their s3:// prefix")
    report, seen = Report(images=len(paths)), _Seen()
    kept = None if fix is None else _Kept(fix, set(paths), report)
    for done, (position, body) in enumerate(place.read(paths), start=1):
        path = paths[position]
        found = look(path, body, most_pixels=most_pixels)
        said = labels.by_folder(path) if table is None else table.get(path)
        found += [*_label(said, table is not None, classes), *seen.twice(path, body, said)]
        for finding in found:
            report.kinds[finding.kind] += 1
            tell(Trouble(path, finding))
        if kept is not None:
            kept.take(path, body, found, said)
        if progress:
            progress(done, len(paths))
    for path in sorted(set(table or ()) - set(paths)):
        report.kinds["missing"] += 1
        tell(Trouble(path, Finding("missing", f"stands in {labels.FILE} but there is no such image", "remove the row")))
    if kept is not None and table is not None:
        kept.write_labels()
    return report


def is_picture(path: str) -> bool:
    """Whether a path is that of an image to be looked at, by its name."""
    parts = PurePosixPath(path).parts
    # Archives made on a Mac hold a shadow of every file; versions of images are not looked at again.
    hidden = parts[-1].startswith(".") or "__MACOSX" in parts or AUGMENTED in parts[:-1]
    return not hidden and PurePosixPath(path).suffix.lower() in _PICTURES


def _label(said: Label | None, table: bool, classes: tuple[str, ...] | None) -> list[Finding]:
    if said is None or not said.label:
        where = labels.FILE if table else "the folders"
        return [Finding("unlabelled", f"has no class in {where}", "label it, or remove it")]
    if classes is not None and said.label not in classes:
        known = ", ".join(classes)
        return [
            Finding("mislabelled", f"is of class {said.label!r}, which is none of {known}", "correct it, or remove it")
        ]
    return []


class _Seen:
    """Which file had the same bytes first."""

    def __init__(self) -> None:
        self._first: dict[bytes, tuple[str, Label | None]] = {}

    def twice(self, path: str, body: bytes, said: Label | None) -> list[Finding]:
        if not body:
            return []
        other, before = self._first.setdefault(hashlib.sha256(body).digest(), (path, said))
        if other == path:
            return []
        if said and before and said.label != before.label:
            return [Finding("two classes", f"is the same file as {other}, of another class", "remove the wrong one")]
        if said and before and said.split != before.split:
            what = f"is the same file as {other}, of another split; what is trained on would judge"
            return [Finding("leak", what, "remove one of them")]
        return [Finding("duplicate", f"is the same file as {other}; staging keeps one", "remove one of them")]


class _Kept:
    """The new folder: what is good, what could be mended, and their labels."""

    def __init__(self, folder: Path, taken: set[str], report: Report) -> None:
        self._folder, self._taken, self._report = folder, taken, report
        self._labels: list[tuple[str, str, str, str]] = []

    def take(self, path: str, body: bytes, found: list[Finding], said: Label | None) -> None:
        if not all(finding.mended for finding in found):
            self._report.left_out += 1
            return
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts:
            raise DataError("file", path, "would be written outside of the new folder; pack the archive anew")
        if found:
            body, pure = self._mended(pure, body, found)
        target = self._folder / pure
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)
        self._report.mended += bool(found)
        self._report.kept += not found
        if said is not None:
            self._labels.append((pure.as_posix(), *said))

    def write_labels(self) -> None:
        with (self._folder / labels.FILE).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("file", *labels.Label._fields), *sorted(self._labels)])

    def _mended(self, path: PurePosixPath, body: bytes, found: list[Finding]) -> tuple[bytes, PurePosixPath]:
        """Content and a name that no other file has."""
        renamed = [finding.kind for finding in found] == ["wrong name"]
        suffix = found[0].remedy.rpartition(" ")[2] if renamed else ".png"
        name = path.with_suffix(suffix)
        if name != path and str(name) in self._taken:
            name = path.with_name(path.name.replace(".", "_") + suffix)
        self._taken.add(str(name))
        return (body if renamed else mend(body)), name
