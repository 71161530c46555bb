"""What flows through the pipe of a channel in one epoch, in order.

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/augmented-manifest-stream.html,
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Channel.html (wrapping, compression),
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ShuffleConfig.html.
"""

from __future__ import annotations

import gzip
import json
import random
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from rehearsal.aws.sagemaker import s3
from rehearsal.aws.sagemaker.errors import FailedError
from rehearsal.aws.sagemaker.training import channels, recordio

if TYPE_CHECKING:
    from collections.abc import Iterator

Item = TypeVar("Item")

_PIECE = 256 * 1024


def epoch(client: Any, channel: dict[str, Any], number: int, *, host: int, hosts: int) -> Iterator[bytes]:
    """Yield the content of a channel for one host.

    Parameters
    ----------
    number
        Of the epoch, from 0: each has an order of its own where the channel is shuffled.

    Raises
    ------
    FailedError
        When something cannot be read or lacks an attribute.
    """
    source = channel["DataSource"]["S3DataSource"]
    try:
        if source["S3DataType"] == "AugmentedManifestFile":
            lines = _manifest(client, source["S3Uri"])
            yield from _attributes(client, channel, share(lines, channel, number, host=host, hosts=hosts))
            return
        found = channels.listed(client, channel["ChannelName"], source)
        for one in share(found, channel, number, host=host, hosts=hosts):
            yield from _object(client, channel, one.bucket, one.key)
    except (ClientError, ValueError, OSError) as error:
        raise FailedError(f"ClientError: Channel {channel['ChannelName']} cannot be streamed: {error}") from error


def share(items: list[Item], channel: dict[str, Any], number: int, *, host: int, hosts: int) -> list[Item]:
    """Return one host's items in the order of an epoch; shuffled ones may go to another host every time."""
    shuffle = channel.get("ShuffleConfig")
    if shuffle:
        items = list(items)
        random.Random(f"{shuffle['Seed']} {number}").shuffle(items)  # noqa: S311 (no secret)
    sharded = channel["DataSource"]["S3DataSource"].get("S3DataDistributionType") == "ShardedByS3Key"
    return items[host::hosts] if sharded else items


def _object(client: Any, channel: dict[str, Any], bucket: str, key: str) -> Iterator[bytes]:
    """Yield an object: as one record where records are wrapped, else piece by piece."""
    body = client.get_object(Bucket=bucket, Key=key)["Body"]
    zipped = channel.get("CompressionType") == "Gzip"
    if channel.get("RecordWrapperType") == "RecordIO":
        content = body.read()
        yield recordio.wrap(gzip.decompress(content) if zipped else content)
        return
    with gzip.open(body) if zipped else body as content:
        while piece := content.read(_PIECE):
            yield piece


def _manifest(client: Any, uri: str) -> list[bytes]:
    bucket, key = s3.split(uri)
    content: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    return [line for line in content.splitlines() if line.strip()]


def _attributes(client: Any, channel: dict[str, Any], lines: list[bytes]) -> Iterator[bytes]:
    """Yield attribute by attribute of every line: what a ``-ref`` points at, else the value itself."""
    names = channel["DataSource"]["S3DataSource"]["AttributeNames"]
    wrapped = channel.get("RecordWrapperType") == "RecordIO"
    for line in lines:
        record = json.loads(line)
        if not isinstance(record, dict) or any(name not in record for name in names):
            missing = [name for name in names if not isinstance(record, dict) or name not in record]
            raise ValueError(
                f"a line of the manifest lacks {', '.join(missing)}: {line[:200].decode(errors='replace')}"
            )
        for name in names:
            content = _attribute(client, name, record[name])
            yield recordio.wrap(content) if wrapped else content


def _attribute(client: Any, name: str, value: Any) -> bytes:
    if name.endswith("-ref"):
        bucket, key = s3.split(str(value))
        return bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())
    return (value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))).encode()
