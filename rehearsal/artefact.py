"""Archives of trained models: read as they lie in S3, and packed."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rehearsal.actors import Actor
from rehearsal.run import RehearsalError


def fetch(reader: Actor, uri: str) -> bytes:
    """The archive's bytes, read in the name of ``reader``."""
    return fetch_with_etag(reader, uri)[0]


def fetch_with_etag(reader: Actor, uri: str) -> tuple[bytes, str]:
    """The archive's bytes and the ETag under which exactly these bytes lie there."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    answer = reader.client("s3").get_object(Bucket=bucket, Key=key)
    return answer["Body"].read(), str(answer["ETag"]).strip('"')


def packed(files: Mapping[str, bytes]) -> bytes:
    """A ``tar.gz`` of files by name."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def documents(archive: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """``model.json`` and ``metrics.json``; RehearsalError when the archive is damaged or lacks one."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            members = {member.name.removeprefix("./"): member for member in tar.getmembers()}
            model, metrics = (tar.extractfile(members[name]) for name in ("model.json", "metrics.json"))
            return json.load(model or io.BytesIO()), json.load(metrics or io.BytesIO())
    except (tarfile.TarError, KeyError, ValueError, EOFError) as error:
        raise RehearsalError(f"model.tar.gz cannot be read ({error!r}): train again") from error


def figures(archive: bytes, folder: Path) -> list[dict[str, Any]]:
    """Unpack the pictures that ``figures.json`` of a job's output names; returns their descriptions with ``path``.

    None where the job left no such file. RehearsalError when a picture that is named is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            members = {member.name.removeprefix("./"): member for member in tar.getmembers()}
            if "figures.json" not in members:
                return []
            listed: list[dict[str, Any]] = json.load(tar.extractfile(members["figures.json"]) or io.BytesIO())
            for figure in listed:
                path = folder / Path(figure["file"]).name
                content = tar.extractfile(members[figure["file"]])
                path.write_bytes(content.read() if content else b"")
                figure["path"] = str(path)
            return listed
    except (tarfile.TarError, KeyError, ValueError, TypeError, EOFError) as error:
        raise RehearsalError(f"output.tar.gz cannot be read ({error!r}): train again") from error
