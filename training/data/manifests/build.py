"""From a listing to one list of images per split: streamed, in S3's order, and nothing downloaded."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from training.data import AUGMENTED
from training.data.augment.channel import SUFFIXES
from training.data.manifests import lines
from training.data.manifests.listing import folders, items
from training.data.splits import SPLITS
from training.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from training.data.manifests.labels import Boxes
    from training.data.manifests.listing import Item
    from training.data.manifests.sinks import Sink
    from training.data.progress import Progress
    from training.data.upload import Place

_EVERY = 10_000


@dataclass(frozen=True, slots=True)
class Rules:
    """How a key says what its image is and where it belongs.

    Attributes
    ----------
    classes
        In the order of the model's outputs.
    group
        What the key's group in this pattern's first parentheses matches is never divided between splits; None where
        every image stands for itself.
    validation, test
        Shares of all groups, told by a hash: about so many, and the same ones whatever else lies in the bucket.
    seed
        Of that hash.
    only
        The one split that all images belong to, where they have been divided before.
    """

    classes: tuple[str, ...]
    group: re.Pattern[str] | None = None
    validation: float = 0.2
    test: float = 0.2
    seed: int = 7
    only: str | None = None

    def split_of(self, path: str) -> str:
        """Split of an image by its path below the prefix.

        Raises
        ------
        DataError
            The pattern finds no group in the path.
        """
        if self.only is not None:
            return self.only
        name = path
        if self.group is not None:
            found = self.group.search(path)
            if found is None:
                raise DataError("--group", self.group.pattern, f"finds no group in {path}; mend the pattern")
            name = found[1]
        digest = hashlib.blake2b(f"{self.seed}/{name}".encode(), digest_size=8).digest()
        share = int.from_bytes(digest, "big") / 2**64
        if share < self.test:
            return "test"
        return "validation" if share < self.test + (1 - self.test) * self.validation else "train"


@dataclass(slots=True)
class Told:
    """What was listed: images by split and class, and what was left out for which reason."""

    counts: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in SPLITS})
    left_out: Counter[str] = field(default_factory=Counter)


def classes_of(place: Place, named: tuple[str, ...] | None) -> tuple[str, ...]:
    """The classes that are named, or the folders right below the place.

    Raises
    ------
    DataError
        Neither.
    """
    classes = named or tuple(name for name in folders(place) if name != AUGMENTED)
    if len(set(classes)) != len(classes) or len(classes) < 2:
        raise DataError(
            "--classes", ",".join(classes), f"needs two or more different classes, or folders in {place.url}"
        )
    return classes


def classify(place: Place, rules: Rules, sinks: dict[str, Sink], progress: Progress | None = None) -> Told:
    """Write the AugmentedManifest of images that lie in class folders.

    Raises
    ------
    DataError
        S3 refuses, nothing is there, or an image lies in no class's folder.
    """

    def line(_: str, item: Item, label: int) -> str:
        return lines.classified(place.bucket, item.key, item.modified, label, rules.classes[label])

    return _by_class(place, rules, sinks, line, progress)


def listed(place: Place, rules: Rules, sinks: dict[str, Sink], progress: Progress | None = None) -> Told:
    """Write `.lst` files of images that lie in class folders.

    Raises
    ------
    DataError
        As `classify`; a key that holds a tab or a line's end, too.
    """
    numbers: Counter[str] = Counter()

    def line(part: str, item: Item, label: int) -> str:
        if not item.key.isprintable():
            raise DataError("key", item.key, "holds a character that a .lst cannot; rename it, or write a manifest")
        numbers[part] += 1
        return lines.listed(numbers[part] - 1, label, item.key.removeprefix(place.prefix))

    return _by_class(place, rules, sinks, line, progress)


def box(place: Place, rules: Rules, boxes: Boxes, sinks: dict[str, Sink], progress: Progress | None = None) -> Told:
    """Write the AugmentedManifest of images with boxes, which are joined to the listing by name.

    Raises
    ------
    DataError
        S3 refuses, nothing is there, or boxes are given for an image that is not.
    """
    told = Told()
    for item, path in _images(place, told, progress):
        found = boxes.take(path)
        if found is None:
            told.left_out["without boxes"] += 1
            continue
        part = rules.split_of(path)
        sinks[part].write(lines.boxed(place.bucket, item.key, item.modified, found, rules.classes))
        told.counts[part].update(rules.classes[label] for label in {one["class_id"] for one in found["annotations"]})
        told.counts[part]["images"] += 1
    if (missing := boxes.first_left()) is not None:
        raise DataError(
            f"{boxes.path}, file", missing, f"there is no such image in {place.url}; remove the line or upload it"
        )
    _refuse_nothing(place, told)
    return told


def _by_class(
    place: Place,
    rules: Rules,
    sinks: dict[str, Sink],
    line: Callable[[str, Item, int], str],
    progress: Progress | None,
) -> Told:
    told = Told()
    label_of = {name: label for label, name in enumerate(rules.classes)}
    for item, path in _images(place, told, progress):
        # What was augmented lies in a folder of its own, in folders of the same classes.
        name, slash, _ = path.removeprefix(f"{AUGMENTED}/").partition("/")
        label = label_of.get(name) if slash else None
        if label is None:
            known = ", ".join(rules.classes)
            raise DataError("key", item.key, f"lies in no class's folder below {place.url}; the classes are {known}")
        part = rules.split_of(path)
        sinks[part].write(line(part, item, label))
        told.counts[part][name] += 1
    _refuse_nothing(place, told)
    return told


def _images(place: Place, told: Told, progress: Progress | None) -> Iterator[tuple[Item, str]]:
    """Objects that hold an image, and their paths below the prefix; the others are counted."""
    for number, item in enumerate(items(place), start=1):
        if progress and number % _EVERY == 0:
            progress(number, 0)
        if item.key.endswith("/"):
            continue
        if "." + item.key.rpartition(".")[2].lower() not in SUFFIXES:
            told.left_out["no image by its name"] += 1
        elif item.size == 0:
            told.left_out["empty"] += 1
        else:
            yield item, item.key.removeprefix(place.prefix)


def _refuse_nothing(place: Place, told: Told) -> None:
    if not any(told.counts.values()):
        raise DataError("source", place.url, f"holds no image ({sum(told.left_out.values())} other objects)")
