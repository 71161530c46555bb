"""Where a user's pictures lie: a folder, a zip or tar archive, or a prefix in S3. Nothing is unpacked to disk."""

from __future__ import annotations

import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from training.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LARGEST_BYTES = 64 << 20
"""Of one picture; most have some hundred thousand."""

LARGEST_WEIGHTS = 512 << 20
"""Of a file of weights; a ResNet-50's has a hundred million."""

WORKERS = 16


class Place(Protocol):
    """Files by their path, `/` between the parts.

    Attributes
    ----------
    name
        What a person would call it.
    paths
        All files.
    """

    name: str
    paths: list[str]

    def read(self, paths: Sequence[str]) -> Iterator[tuple[int, bytes]]:
        """Position in `paths` and content of each, in any order.

        Raises
        ------
        DataError
            A file cannot be read or is too large.
        """


def find(where: str) -> Place:
    """What a folder, an archive's path or `s3://bucket/prefix` names.

    Raises
    ------
    DataError
        Nothing that can be read.
    """
    # A path of the command line has lost one of the two slashes.
    if where.startswith("s3:/"):
        import boto3  # noqa: PLC0415  a folder needs no AWS
        from botocore.config import Config  # noqa: PLC0415

        bucket, _, prefix = where.removeprefix("s3:/").lstrip("/").partition("/")
        config = Config(max_pool_connections=WORKERS, retries={"mode": "standard"})
        return Bucket(boto3.client("s3", config=config), bucket, prefix)
    path = Path(where)
    if path.is_dir():
        return Folder(path)
    if not path.is_file():
        raise DataError("archive", where, "there is no such folder or file; check --archive")
    if zipfile.is_zipfile(path):
        return Zip(path)
    if tarfile.is_tarfile(path):
        return Tar(path)
    raise DataError("archive", where, "is neither a folder nor a zip or tar archive; check --archive")


class Folder:
    """A folder."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        self.paths = [str(file.relative_to(path).as_posix()) for file in sorted(path.rglob("*")) if file.is_file()]

    def read(self, paths: Sequence[str]) -> Iterator[tuple[int, bytes]]:
        """In order."""
        for position, path in enumerate(paths):
            file = self._path / path
            _refuse_large(path, file.stat().st_size)
            try:
                yield position, file.read_bytes()
            except OSError as error:
                raise DataError("picture", path, f"cannot be read ({error.strerror})") from None


class Zip:
    """A zip archive."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path
        with zipfile.ZipFile(path) as archive:
            self._sizes = {member.filename: member.file_size for member in archive.infolist() if not member.is_dir()}
        self.paths = list(self._sizes)

    def read(self, paths: Sequence[str]) -> Iterator[tuple[int, bytes]]:
        """In order."""
        with zipfile.ZipFile(self._path) as archive:
            for position, path in enumerate(paths):
                _refuse_large(path, self._sizes[path])
                try:
                    yield position, archive.read(path)
                except (zipfile.BadZipFile, OSError, RuntimeError, EOFError) as error:
                    raise DataError("picture", path, f"cannot be read from the archive ({error})") from None


class Tar:
    """A tar archive, compressed or not; read once from front to back, because it has no index."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path
        try:
            with tarfile.open(path) as archive:
                self.paths = [member.name for member in archive if member.isreg()]
        except (tarfile.TarError, EOFError, OSError) as error:
            raise DataError("archive", str(path), f"is corrupt ({error}); fetch it again") from None

    def read(self, paths: Sequence[str]) -> Iterator[tuple[int, bytes]]:
        """In the archive's order."""
        wanted = {path: position for position, path in enumerate(paths)}
        with tarfile.open(self._path) as archive:
            for member in archive:
                position = wanted.pop(member.name, None) if member.isreg() else None
                if position is None:
                    continue
                _refuse_large(member.name, member.size)
                file = archive.extractfile(member)
                yield position, file.read() if file else b""


class Bucket:
    """Objects below a prefix in S3, listed page by page and fetched in parallel."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self.name = f"s3://{bucket}/{prefix}"
        self._client, self._bucket = client, bucket
        self._prefix = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
        self._sizes: dict[str, int] = {}
        try:
            for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=self._prefix):
                for found in page.get("Contents", ()):
                    self._sizes[found["Key"].removeprefix(self._prefix)] = found["Size"]
        except Exception as error:  # botocore's errors are made at run time, and share Exception alone
            raise DataError("archive", self.name, f"cannot be listed ({error}); check --archive and rights") from None
        self.paths = [path for path in self._sizes if not path.endswith("/")]

    def read(self, paths: Sequence[str]) -> Iterator[tuple[int, bytes]]:
        """In order, a few ahead of whoever asks."""
        with ThreadPoolExecutor(WORKERS) as pool:
            for first in range(0, len(paths), 4 * WORKERS):
                yield from enumerate(pool.map(self._fetch, paths[first : first + 4 * WORKERS]), first)

    def _fetch(self, path: str) -> bytes:
        _refuse_large(path, self._sizes[path])
        try:
            return self._client.get_object(Bucket=self._bucket, Key=self._prefix + path)["Body"].read()
        except Exception as error:  # as above
            raise DataError("picture", path, f"cannot be fetched from {self.name} ({error})") from None


def _refuse_large(path: str, size: int) -> None:
    largest = LARGEST_WEIGHTS if path.endswith(".pth") else LARGEST_BYTES
    if size > largest:
        raise DataError("picture", path, f"has {size} bytes, at most {largest} are read; reduce it")
