"""Download a large file once: resumable, checked, and never seen half written."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from training.errors import DataError

if TYPE_CHECKING:
    from training.data.progress import Progress

_CHUNK = 1 << 18


def default_cache() -> Path:
    """Folder for downloads that outlive a run: `SLIPWAY_CACHE`, else the XDG cache."""
    named = os.environ.get("SLIPWAY_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slipway"


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(
    url: str,
    target: Path,
    *,
    sha256: str,
    size: int,
    remedy: str,
    timeout_s: float = 20.0,
    progress: Progress | None = None,
) -> Path:
    """Make `target` hold the file at `url`, downloading only what is missing.

    A download that breaks off leaves `<target>.part`, from which the next call goes on. `target` itself appears only
    once its checksum is right.

    Parameters
    ----------
    sha256, size
        What the whole file must be; `size` in bytes.
    remedy
        What to tell people who have no way to the URL.

    Raises
    ------
    DataError
        The URL cannot be reached, or what came is not the file (the part is then removed).
    """
    if target.exists() and target.stat().st_size == size and sha256_of(target) == sha256:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    try:
        _download(url, part, size, timeout_s, progress)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise DataError("url", url, f"cannot be downloaded ({reason}). {remedy}") from None
    got = sha256_of(part)
    if got != sha256:
        part.unlink()
        raise DataError("url", url, f"its bytes have SHA-256 {got} instead of {sha256}; nothing was kept. {remedy}")
    part.replace(target)
    return target


def _download(url: str, part: Path, size: int, timeout_s: float, progress: Progress | None) -> None:
    if urlsplit(url).scheme not in {"https", "http"}:
        raise DataError("url", url, "must be an https or http address")
    done = part.stat().st_size if part.exists() else 0
    if done > size:
        part.unlink()
        done = 0
    if done == size:
        return
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})  # noqa: S310
    with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310
        # A server that ignores Range sends everything: start over.
        resumed = answer.status == http.HTTPStatus.PARTIAL_CONTENT
        done = done if resumed else 0
        with part.open("ab" if resumed else "wb") as file:
            while chunk := answer.read(_CHUNK):
                done += len(chunk)
                if done > size:
                    raise http.client.HTTPException(f"more than the {size} bytes expected")
                file.write(chunk)
                if progress:
                    progress(done, size)
    if done < size:
        raise http.client.HTTPException(f"broke off after {done} of {size} bytes; run again to go on from there")
