"""S3: the versions of a bucket, page by page, without a copy of what they hold.

moto copies a bucket with every byte in it for each page, and loses its place when what it stopped at is deleted
meanwhile, as whoever empties a bucket does: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any


def list_object_versions(
    self: Any,
    bucket_name: str,
    delimiter: str | None = None,
    key_marker: str | None = None,
    max_keys: int | None = 1000,
    prefix: str = "",
    version_id_marker: str | None = None,
) -> tuple[list[Any], list[str], list[Any], str | None, str | None]:
    """In moto's place: versions, common prefixes, delete markers, and where the next page begins (None at the end)."""
    from moto.s3.models import FakeKey

    keys = self.get_bucket(bucket_name).keys
    names = sorted(name for name in keys if name.startswith(prefix))
    versions: list[Any] = []
    markers: list[Any] = []
    common: list[str] = []
    last: tuple[str, str | None] | None = None
    for name in names[bisect_left(names, key_marker or "") :]:
        folder = _folder(name, prefix, delimiter)
        if folder is not None:
            if folder in (key_marker, *common[-1:]):
                continue
            found: list[Any] = [folder]
        elif name == key_marker and version_id_marker is None:
            continue
        else:
            found = _newest_first(keys.getlist(name))
            if name == key_marker:
                found = _after(found, version_id_marker)
        for one in found:
            if max_keys is not None and len(versions) + len(markers) + len(common) >= max_keys:
                return versions, common, markers, *(last or (name, None))
            if folder is not None:
                common.append(folder)
                last = (folder, None)
            else:
                (versions if isinstance(one, FakeKey) else markers).append(one)
                last = (name, one.version_id)
    return versions, common, markers, None, None


def _folder(name: str, prefix: str, delimiter: str | None) -> str | None:
    """What stands for a key whose name goes on behind the delimiter; None for others."""
    if not delimiter:
        return None
    head, found, _ = name[len(prefix) :].partition(delimiter)
    return f"{prefix}{head}{found}" if found else None


def _newest_first(kept: list[Any]) -> list[Any]:
    """Copies that say whether they are the latest, with the bucket's own content."""
    return [_copy(version, latest=at == 0) for at, version in enumerate(reversed(kept))]


def _after(found: list[Any], version: str | None) -> list[Any]:
    """What follows a version; all that is left where it is gone."""
    ids = [one.version_id for one in found]
    return found[ids.index(version) + 1 :] if version in ids else found


def _copy(version: Any, *, latest: bool) -> Any:
    made = object.__new__(type(version))
    made.__dict__.update(version.__dict__)
    made.is_latest = latest
    if hasattr(made, "_value_buffer"):
        # A key that is forgotten closes its content, which here is still the bucket's.
        made._value_buffer, made.multipart = _Shared(version._value_buffer), None
    return made


class _Shared:
    """Content that somebody else closes."""

    def __init__(self, content: Any) -> None:
        self._content = content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    def close(self) -> None:
        """Leave it open."""
