"""Read and write the tar archives that carry code and models."""

from __future__ import annotations

import tarfile
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class ArchiveError(ValueError):
    """An archive is corrupt, or holds a member that would leave its folder."""


def extract(archive: Path, into: Path) -> None:
    """Unpack a tar archive, compressed or not.

    Links that point outside, absolute names, ``..`` and device files are refused before anything is trusted.

    Raises
    ------
    ArchiveError
        With the member's name where one is to blame.
    """
    into.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(into, filter="data")
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise ArchiveError(f"{archive.name}: {error}") from error


def pack(folders: Sequence[Path], archive: Path) -> bool:
    """Write the contents of ``folders`` into one gzipped tar, paths relative to each folder.

    Returns
    -------
    bool
        False when the folders hold no file; the archive is written all the same.
    """
    found = False
    with tarfile.open(archive, "w:gz", compresslevel=6) as tar:
        for folder in folders:
            for path in sorted(folder.rglob("*")):
                tar.add(path, arcname=str(path.relative_to(folder)), recursive=False)
                found = found or path.is_file()
    return found
