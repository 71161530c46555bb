"""S3 as a training job uses it: channels and checkpoints come down, checkpoints and archives go up."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from training.jobs.workbench.agent import layout as layouts
from training.jobs.workbench.agent.layout import Layout

_AT_ONCE = 16


class UnfitError(Exception):
    """The job cannot run here; the message says why and what to do."""


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def fetch_channels(s3: Any, request: dict[str, Any], layout: Layout) -> int:
    """Bring every channel of a job; returns the number of files.

    Raises
    ------
    UnfitError
        A channel that is streamed, holds nothing, or would be written outside its folder.
    """
    total = 0
    for channel in layouts.channels(request):
        name, source = channel["ChannelName"], channel["DataSource"]["S3DataSource"]
        if layouts.mode(channel, request) == "Pipe":
            raise UnfitError(f"channel {name} is streamed (Pipe), which SageMaker alone does: use File or FastFile")
        bucket, names = _listed(s3, name, source)
        into = layout.data / name
        into.mkdir(parents=True, exist_ok=True)
        for relative in names.values():
            if not (into / relative).resolve().is_relative_to(into.resolve()):
                raise UnfitError(f"channel {name}: {relative} would lie outside its folder; rename the object")
        _download(s3, bucket, [(key, into / relative) for key, relative in names.items()])
        total += len(names)
    return total


def keys(s3: Any, bucket: str, prefix: str) -> list[str]:
    """Keys below a prefix, without the markers of folders."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [item["Key"] for page in pages for item in page.get("Contents", []) if not item["Key"].endswith("/")]


class Checkpoints:
    """A folder that is kept like a place in S3; does nothing for a job without one."""

    def __init__(self, s3: Any, request: dict[str, Any], layout: Layout) -> None:
        config = request.get("CheckpointConfig") or {}
        self._s3, self._uri = s3, str(config.get("S3Uri", "")).rstrip("/")
        self._folder = layout.path(config.get("LocalPath", f"{layouts.CONTAINER}/checkpoints"))
        self._sent: dict[Path, tuple[int, int]] = {}

    def restore(self) -> int:
        """Bring what an instance before this one has left; returns the number of files."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o777)
        if not self._uri:
            return 0
        bucket, prefix = split(self._uri)
        found = keys(self._s3, bucket, f"{prefix}/")
        targets = [(key, self._folder / key.removeprefix(f"{prefix}/")) for key in found]
        _download(self._s3, bucket, targets)
        for _, path in targets:
            path.chmod(0o666)
            self._sent[path] = _stamp(path)
        return len(found)

    def save(self) -> int:
        """Send what is new or has changed; returns the number of files."""
        if not self._uri:
            return 0
        bucket, prefix = split(self._uri)
        sent = 0
        for path in sorted(self._folder.rglob("*")):
            try:
                if not path.is_file() or self._sent.get(path) == _stamp(path):
                    continue
                stamp = _stamp(path)
                self._s3.upload_file(str(path), bucket, f"{prefix}/{path.relative_to(self._folder).as_posix()}")
            except FileNotFoundError:
                continue  # the program has put another one in its place
            self._sent[path] = stamp
            sent += 1
        return sent


def upload(s3: Any, request: dict[str, Any], layout: Layout, *, model: bool) -> list[str]:
    """Put model and output where a training job would; returns their URIs.

    Parameters
    ----------
    model
        Whether there is a model to keep; a job that failed leaves its output alone.
    """
    target = f"{artifacts(request)}/output"
    made = []
    if model and _pack(layout.model, layout.base / "model.tar.gz", even_empty=True):
        made.append(_send(s3, request, layout.base / "model.tar.gz", f"{target}/model.tar.gz"))
    if _pack(layout.output, layout.base / "output.tar.gz", even_empty=False):
        made.append(_send(s3, request, layout.base / "output.tar.gz", f"{target}/output.tar.gz"))
    return made


def artifacts(request: dict[str, Any]) -> str:
    """S3 URI of everything that the job leaves, without a slash at the end."""
    return f"{request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{request['TrainingJobName']}"


def read_json(s3: Any, uri: str) -> dict[str, Any] | None:
    """An object as JSON; None when there is none."""
    bucket, key = split(uri)
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    document: dict[str, Any] = json.loads(body)
    return document


def write_json(s3: Any, uri: str, document: dict[str, Any], request: dict[str, Any]) -> None:
    """Write an object, encrypted as the job's results are."""
    bucket, key = split(uri)
    body = json.dumps(document, indent=1).encode()
    s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", **_encryption(request))


def _listed(s3: Any, name: str, source: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Bucket of a data source, and key -> name below the channel's folder."""
    bucket, prefix = split(source["S3Uri"])
    if source["S3DataType"] == "ManifestFile":
        entries = json.loads(s3.get_object(Bucket=bucket, Key=prefix)["Body"].read())
        bucket, prefix = split(entries[0]["prefix"])
        return bucket, {f"{prefix}{entry}": entry for entry in entries[1:]}
    if source["S3DataType"] != "S3Prefix":
        raise UnfitError(f"channel {name} is a {source['S3DataType']}, which is streamed: SageMaker alone does that")
    found = keys(s3, bucket, prefix)
    if not found:
        raise UnfitError(f"channel {name}: nothing lies below {source['S3Uri']}; stage the data first")
    return bucket, {key: _below(key, prefix) for key in found}


def _below(key: str, prefix: str) -> str:
    """What a key adds to a prefix; all after its last slash where the prefix ends within a name."""
    rest = key.removeprefix(prefix)
    if rest and (rest.startswith("/") or not prefix or prefix.endswith("/")):
        return rest.lstrip("/")
    return key[prefix.rfind("/") + 1 :]


def _download(s3: Any, bucket: str, targets: Iterable[tuple[str, Path]]) -> None:
    def one(key: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, key, str(path))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for done in [pool.submit(one, key, path) for key, path in targets]:
            done.result()


def _pack(folder: Path, archive: Path, *, even_empty: bool) -> bool:
    found = sorted(folder.rglob("*"))
    if not even_empty and not any(path.is_file() for path in found):
        return False
    with tarfile.open(archive, "w:gz", compresslevel=6) as packed:
        for path in found:
            packed.add(path, arcname=path.relative_to(folder).as_posix(), recursive=False)
    return True


def _send(s3: Any, request: dict[str, Any], path: Path, uri: str) -> str:
    bucket, key = split(uri)
    s3.upload_file(str(path), bucket, key, ExtraArgs=_encryption(request))
    return uri


def _encryption(request: dict[str, Any]) -> dict[str, str]:
    key = request["OutputDataConfig"].get("KmsKeyId")
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}


def _stamp(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_mtime_ns, state.st_size
