"""CIFAR-100's Python archive: where it is, how to read it without trusting it, how to write one like it.

Layout (https://www.cs.toronto.edu/~kriz/cifar.html): a tar.gz with the pickles `meta`, `train` and `test` in the
folder `cifar-100-python`. `train` and `test` are dictionaries with `data` (n x 3072 uint8: 1024 red, 1024 green, 1024
blue values, row by row), `fine_labels`, `coarse_labels` and `filenames`; `meta` names the labels.
"""

from __future__ import annotations

import codecs
import gzip
import io
import os
import pickle
import tarfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

URL = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
SHA256 = "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"
SIZE = 169_001_437

FINE_LABELS = tuple(
    """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can
    castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin
    elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard
    lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear
    pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark
    shrew skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone
    television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
    """.split()  # noqa: SIM905  a hundred lines of literals read worse
)
COARSE_LABELS = tuple(
    """
    aquatic_mammals fish flowers food_containers fruit_and_vegetables household_electrical_devices
    household_furniture insects large_carnivores large_man-made_outdoor_things large_natural_outdoor_scenes
    large_omnivores_and_herbivores medium_mammals non-insect_invertebrates people reptiles small_mammals trees
    vehicles_1 vehicles_2
    """.split()  # noqa: SIM905  a hundred lines of literals read worse
)
VEHICLES = {
    "vehicles_1": ("bicycle", "bus", "motorcycle", "pickup_truck", "train"),
    "vehicles_2": ("lawn_mower", "rocket", "streetcar", "tank", "tractor"),
}
"""The vehicle classes by their coarse label."""

_FOLDER = "cifar-100-python"
_MEMBERS = ("meta", "train", "test")
_MEMBER_LIMIT = 400 << 20
_ARCHIVE_LIMIT = 1 << 30
_REMEDY = "Remove the file and fetch it again, or name another with --archive."


@dataclass(frozen=True, slots=True)
class Part:
    """One of the archive's two parts.

    Attributes
    ----------
    images
        uint8 array of shape (n, 32, 32, 3), RGB.
    fine, coarse
        Integer arrays of shape (n,).
    names
        File names.
    """

    images: NDArray[np.uint8]
    fine: NDArray[np.int64]
    coarse: NDArray[np.int64]
    names: list[str]


@dataclass(frozen=True, slots=True)
class Archive:
    train: Part
    test: Part
    fine_labels: tuple[str, ...]


def read(path: Path) -> Archive:
    """Read an archive in CIFAR-100's Python layout.

    Nothing is unpacked to disk, and the pickles can build arrays, strings and numbers but nothing else.

    Raises
    ------
    DataError
        Missing, corrupt, not this layout, or a pickle that wants to run code.
    """
    try:
        found = _members(path)
    except FileNotFoundError:
        raise DataError("archive", str(path), "there is no such file; check --archive") from None
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, OSError) as error:
        raise DataError("archive", str(path), f"is corrupt ({error}). {_REMEDY}") from None
    meta = _unpickle(found["meta"], path, "meta")
    labels = _entry(meta, "fine_label_names", path, "meta")
    return Archive(
        train=_part(_unpickle(found.pop("train"), path, "train"), path, "train"),
        test=_part(_unpickle(found.pop("test"), path, "test"), path, "test"),
        fine_labels=tuple(_text(label) for label in labels),
    )


def write(path: Path, train: Part, test: Part) -> None:
    """Write an archive in the same layout: equal parts give equal bytes, and `path` appears only when complete."""
    meta = {b"fine_label_names": [*map(_bytes, FINE_LABELS)], b"coarse_label_names": [*map(_bytes, COARSE_LABELS)]}
    documents: dict[str, Mapping[bytes, Any]] = {
        "meta": meta,
        "train": _document(train, "training"),
        "test": _document(test, "testing"),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with (
            partial.open("wb") as file,
            # No name, no date, nothing compressed: the bytes depend on the images alone, not on a zlib.
            gzip.GzipFile("", "wb", 0, file, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w") as archive,
        ):
            for name, document in documents.items():
                # Protocol 2 is what the original was written with.
                content = pickle.dumps(document, protocol=2)
                member = tarfile.TarInfo(f"{_FOLDER}/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def coarse_of(fine: str) -> int:
    """Number of the coarse label a vehicle class belongs to."""
    return next(COARSE_LABELS.index(coarse) for coarse, members in VEHICLES.items() if fine in members)


def _members(path: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with gzip.open(path) as packed, tarfile.open(fileobj=packed, mode="r:") as archive:
        for member in archive:
            folder, _, name = member.name.partition("/")
            if folder == _FOLDER and name in _MEMBERS:
                found[name] = _content(archive, member, path, name)
        # The checksum stands at the very end, which tarfile has no reason to look at.
        while packed.read(1 << 20):
            if packed.tell() > _ARCHIVE_LIMIT:
                raise DataError("archive", str(path), f"unpacks to more than {_ARCHIVE_LIMIT} bytes. {_REMEDY}")
    for name in _MEMBERS:
        if name not in found:
            raise DataError(
                "archive", str(path), f"holds no {_FOLDER}/{name}; it is not CIFAR-100's Python archive. {_REMEDY}"
            )
    return found


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path, name: str) -> bytes:
    file = archive.extractfile(member) if member.isreg() else None
    if file is None or member.size > _MEMBER_LIMIT:
        raise DataError("archive", str(path), f"{name} is no plain file of at most {_MEMBER_LIMIT} bytes. {_REMEDY}")
    content = file.read()
    if len(content) != member.size:
        raise DataError("archive", str(path), f"{name} breaks off. {_REMEDY}")
    return content


class _Unpickler(pickle.Unpickler):
    """Builds arrays and plain values; every other global in a pickle is refused, because it could run code."""

    def __init__(self, content: bytes) -> None:
        # CIFAR-100 was pickled by Python 2, whose strings are bytes.
        super().__init__(io.BytesIO(content), encoding="bytes")

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which data never needs") from None


def _reconstruct(kind: type, shape: tuple[int, ...], code: bytes) -> NDArray[Any]:
    """What numpy's own pickles call first: an empty array, filled by the state that follows."""
    if kind is not np.ndarray or shape != (0,):
        raise pickle.UnpicklingError("it builds something other than an array")
    return np.ndarray(shape, code.decode("latin-1"))


def _dtype(code: bytes | str, *_: object) -> np.dtype[Any]:
    text = code.decode("latin-1") if isinstance(code, bytes) else code
    if text not in {"u1", "i4", "i8"}:
        raise pickle.UnpicklingError(f"its arrays hold {text!r} instead of whole numbers")
    return np.dtype(text)


def _encode(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes in protocol 2."""
    if encoding not in {"latin1", b"latin1"}:
        raise pickle.UnpicklingError(f"it encodes with {encoding!r}")
    return codecs.encode(text, "latin-1")


_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): _dtype,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("_codecs", "encode"): _encode,
    # How Python 3 writes no bytes at all in protocol 2.
    ("__builtin__", "bytes"): lambda: b"",
}


def _unpickle(content: bytes, path: Path, name: str) -> dict[Any, Any]:
    try:
        document = _Unpickler(content).load()
    except Exception as error:  # a broken pickle can raise anything
        raise DataError("archive", str(path), f"{name} cannot be read ({error}). {_REMEDY}") from None
    if not isinstance(document, dict):
        raise DataError(
            "archive", str(path), f"{name} is a {type(document).__name__} instead of a dictionary. {_REMEDY}"
        )
    return document


def _entry(document: dict[Any, Any], key: str, path: Path, name: str) -> Any:
    value = document.get(key.encode(), document.get(key))
    if value is None:
        raise DataError("archive", str(path), f"{name} has no {key!r}. {_REMEDY}")
    return value


def _part(document: dict[Any, Any], path: Path, name: str) -> Part:
    data, names = _entry(document, "data", path, name), _entry(document, "filenames", path, name)
    fine, coarse = (_labels(_entry(document, f"{kind}_labels", path, name)) for kind in ("fine", "coarse"))
    rows = len(names)
    whole = isinstance(data, np.ndarray) and data.dtype == np.uint8 and data.shape == (rows, 3072)
    if not whole or any(labels.shape != (rows,) or labels.dtype.kind != "i" for labels in (fine, coarse)):
        raise DataError(
            "archive", str(path), f"{name} does not hold 3072 bytes and two labels per file name. {_REMEDY}"
        )
    if rows and not 0 <= fine.min() <= fine.max() < len(FINE_LABELS):
        raise DataError("archive", str(path), f"{name} has fine labels outside 0 to 99. {_REMEDY}")
    images = np.ascontiguousarray(data.reshape(rows, 3, 32, 32).transpose(0, 2, 3, 1))
    return Part(images, fine.astype(np.int64), coarse.astype(np.int64), [_text(item) for item in names])


def _labels(values: Any) -> NDArray[Any]:
    # numpy takes an empty list for floats.
    return np.asarray(values, None if len(values) else np.int64)


def _document(part: Part, purpose: str) -> dict[bytes, Any]:
    rows = np.ascontiguousarray(part.images.transpose(0, 3, 1, 2)).reshape(len(part.names), 3072)
    return {
        b"filenames": [*map(_bytes, part.names)],
        b"batch_label": _bytes(f"{purpose} batch 1 of 1"),
        b"fine_labels": part.fine.tolist(),
        b"coarse_labels": part.coarse.tolist(),
        b"data": rows,
    }


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
