"""Deployment packages: checked as AWS checks them, unpacked so that nothing lands outside its folder."""

from __future__ import annotations

import io
import shutil
import stat
import threading
import uuid
import zipfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from rehearsal.aws.context import Context

UNZIPPED_LIMIT = 262_144_000
"""Bytes; https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

_lock = threading.Lock()


class DeploymentPackageError(ValueError):
    """A zip archive that Lambda refuses; the message is AWS's where AWS has one."""


def check(archive: bytes) -> None:
    """Raise :class:`DeploymentPackageError` for an archive that is broken, unsafe or too large unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as package:
            members = package.infolist()
            broken = package.testzip()
    except (
        zipfile.BadZipFile,
        EOFError,
        NotImplementedError,  # zipfile: a compression or encryption that it does not know
        OSError,
    ) as error:
        raise DeploymentPackageError(
            "Could not unzip uploaded file. Please check your file, then try to upload again."
        ) from error
    if broken:
        raise DeploymentPackageError(f"Could not unzip uploaded file: {broken} does not match its checksum.")
    for member in members:
        path = PurePosixPath(member.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in member.filename:
            raise DeploymentPackageError(f"Could not unzip uploaded file: {member.filename!r} leaves the package.")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise DeploymentPackageError(f"Could not unzip uploaded file: {member.filename!r} is a link.")
    size = sum(member.file_size for member in members)
    if size >= UNZIPPED_LIMIT:
        raise DeploymentPackageError(f"Unzipped size must be smaller than {UNZIPPED_LIMIT} bytes")


def unpack(context: Context, fn: Any) -> Path:
    """Return the folder with the code of a function version, unpacking it on first use."""
    parent = context.folder("lambda", fn.function_name)
    folder = parent / fn.code_digest
    with _lock:
        if folder.is_dir():
            return folder
        check(fn.code_bytes)
        scratch = parent / f".{uuid.uuid4().hex}"
        try:
            with zipfile.ZipFile(io.BytesIO(fn.code_bytes)) as package:
                package.extractall(scratch)
            scratch.replace(folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return folder
