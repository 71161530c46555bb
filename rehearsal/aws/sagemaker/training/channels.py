"""Bring the input channels to where the program looks for them.

``File`` and ``FastFile`` look the same to a program that reads files, so both are downloaded. For ``Pipe`` see
:mod:`rehearsal.aws.sagemaker.training.pipes`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from rehearsal.aws.sagemaker import s3
from rehearsal.aws.sagemaker.errors import FailedError

if TYPE_CHECKING:
    from pathlib import Path


class Target(NamedTuple):
    """An object, and its name below the folder of a channel."""

    bucket: str
    key: str
    name: str


def mode(request: dict[str, Any], channel: dict[str, Any]) -> str:
    """Return a channel's input mode: its own, or that of the job."""
    return str(channel.get("InputMode") or request["AlgorithmSpecification"].get("TrainingInputMode", "File"))


def stage(client: Any, channel: dict[str, Any], into: Path, *, host: int, hosts: int) -> None:
    """Download one channel for one host; see :func:`fetch`.

    Raises
    ------
    FailedError
        With the reason as DescribeTrainingJob shows it.
    """
    source = channel["DataSource"]["S3DataSource"]
    fetch(client, channel["ChannelName"], source, into, host=host, hosts=hosts)


def fetch(client: Any, name: str, source: dict[str, Any], into: Path, *, host: int, hosts: int) -> None:
    """Download what an S3 data source names.

    Parameters
    ----------
    name
        Of the channel or input, for the message of an error.
    host, hosts
        Index and number of the hosts: with ``ShardedByS3Key`` each gets its share of the objects.

    Raises
    ------
    FailedError
        When something cannot be read.
    """
    into.mkdir(parents=True, exist_ok=True)
    targets = listed(client, name, source)
    if source.get("S3DataDistributionType") == "ShardedByS3Key":
        targets = targets[host::hosts]
    try:
        for bucket in sorted({one.bucket for one in targets}):
            s3.download_all(
                client, bucket, [(one.key, _inside(into, one.name)) for one in targets if one.bucket == bucket]
            )
    except (ClientError, ValueError) as error:
        raise _failed(name, source, error) from error


def listed(client: Any, name: str, source: dict[str, Any]) -> list[Target]:
    """Return the objects that an S3 data source names, in order.

    Raises
    ------
    FailedError
        When there are none, or they cannot be listed.
    """
    try:
        return _LISTERS[source["S3DataType"]](client, source)
    except (ClientError, ValueError) as error:
        raise _failed(name, source, error) from error


def _failed(name: str, source: dict[str, Any], error: Exception) -> FailedError:
    return FailedError(f"ClientError: Data download failed for channel {name} from {source['S3Uri']}: {error}")


def _prefix(client: Any, source: dict[str, Any]) -> list[Target]:
    bucket, prefix = s3.split(source["S3Uri"])
    found = s3.keys(client, bucket, prefix)
    if not found:
        raise FailedError(
            f'ClientError: Data download failed:No S3 objects found under S3 URL "{source["S3Uri"]}" given in input '
            "data source. Please ensure that the bucket exists in the selected region, that objects exist under that "
            "S3 prefix, and that the role has s3:ListBucket permission on the bucket."
        )
    return [Target(bucket, key, _below(key, prefix)) for key in found]


def _below(key: str, prefix: str) -> str:
    """Return what a key adds to a prefix; all after its last slash where the prefix ends within a name."""
    rest = key.removeprefix(prefix)
    if rest and (rest.startswith("/") or not prefix or prefix.endswith("/")):
        return rest.lstrip("/")
    return key[prefix.rfind("/") + 1 :]


def _manifest(client: Any, source: dict[str, Any]) -> list[Target]:
    """Read ``[{"prefix": "s3://bucket/folder/"}, "relative/key", ...]``."""
    text = _read(client, source["S3Uri"])
    entries = json.loads(text)
    if not entries or not isinstance(entries[0], dict) or "prefix" not in entries[0]:
        raise ValueError('a manifest is a JSON list whose first entry is {"prefix": "s3://bucket/folder/"}')
    bucket, prefix = s3.split(entries[0]["prefix"])
    return [Target(bucket, prefix + entry, entry) for entry in entries[1:]]


def _read(client: Any, uri: str) -> str:
    bucket, key = s3.split(uri)
    return client.get_object(Bucket=bucket, Key=key)["Body"].read().decode()


def _inside(folder: Path, relative: str) -> Path:
    path = (folder / relative).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(f"key {relative!r} would be written outside the channel's folder")
    return path


_LISTERS = {"S3Prefix": _prefix, "ManifestFile": _manifest}
