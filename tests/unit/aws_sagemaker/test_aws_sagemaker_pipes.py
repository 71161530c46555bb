"""Pipe mode: what a program reads from its channels' named pipes, epoch after epoch."""

from __future__ import annotations

import gzip
import json
import struct
from typing import Any

import pytest
from aws_sagemaker_server import BUCKET, Server
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from test_aws_sagemaker_training import artifact, ended, start

from rehearsal.aws.sagemaker.training import recordio, stream

MAGIC = struct.pack("<I", 0xCED7230A)

READ = """
import base64, json, os, pathlib
data, model = pathlib.Path(os.environ["SM_INPUT_DIR"], "data"), pathlib.Path(os.environ["SM_MODEL_DIR"])
read = []
for epoch in range(3):
    with open(f"{os.environ['SM_CHANNEL_TRAIN']}_{epoch}", "rb") as pipe:
        read.append(pipe.read() if epoch != 1 else pipe.read(1))  # the second is closed early
host = os.environ["SM_CURRENT_HOST"]
(model / f"{host}.json").write_text(json.dumps([base64.b16encode(one).decode() for one in read]))
"""


def unwrap(stream_: bytes) -> list[bytes]:
    """Read records as the reader of SageMaker's TensorFlow extension does."""
    records: list[bytes] = []
    at, parts = 0, []
    while at < len(stream_):
        magic, length = struct.unpack_from("<II", stream_, at)
        assert magic == 0xCED7230A
        flag, size = length >> 29, length & ((1 << 29) - 1)
        parts.append(stream_[at + 8 : at + 8 + size])
        at += 8 + size + (-size % 4)
        if flag in (0, 3):
            records.append(MAGIC.join(parts))
            parts = []
    assert not parts
    return records


def channel(key: str, /, **more: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{key}", **more.pop("source", {})}
    return {"ChannelName": "train", "InputMode": "Pipe", "DataSource": {"S3DataSource": source}, **more}


def read(server: Server, job: dict[str, Any], host: str = "algo-1") -> list[bytes]:
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return [bytes.fromhex(one) for one in json.loads(artifact(server, job, f"{host}.json"))]


def streamed(server: Server, *given: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return ended(server, start(server, READ, InputDataConfig=list(given), **changes))


def test_objects_flow_one_after_another_in_every_epoch(aws: Server) -> None:
    big = b"b" * 300_000  # more than a pipe holds
    aws.put("piped/a", b"a" * 10)
    aws.put("piped/b", big)
    epochs = read(aws, streamed(aws, channel("piped/")))
    assert epochs == [b"a" * 10 + big, b"a", b"a" * 10 + big]


def test_objects_are_unzipped_and_wrapped(aws: Server) -> None:
    aws.put("zipped/a", gzip.compress(b"first"))
    aws.put("zipped/b", gzip.compress(b"second" + MAGIC))
    wrapped = channel("zipped/", CompressionType="Gzip", RecordWrapperType="RecordIO")
    assert unwrap(read(aws, streamed(aws, wrapped))[0]) == [b"first", b"second" + MAGIC]


def test_an_augmented_manifest_flows_attribute_by_attribute(aws: Server) -> None:
    lines = []
    for number in range(4):
        uri = aws.put(f"images/{number}.png", f"image {number}".encode())
        lines.append(json.dumps({"class": number, "source-ref": uri, "notes": {"by": "hand"}}))
    aws.put("lists/train.manifest", "\n".join(lines).encode())
    source = {"S3DataType": "AugmentedManifestFile", "AttributeNames": ["source-ref", "class", "notes"]}
    given = channel("lists/train.manifest", source=source, RecordWrapperType="RecordIO", ShuffleConfig={"Seed": 5})
    first, _, third = read(aws, streamed(aws, given))
    orders = []
    for epoch in (unwrap(first), unwrap(third)):
        triples = [tuple(epoch[at : at + 3]) for at in range(0, len(epoch), 3)]
        orders.append([int(label) for _, label, _ in triples])
        assert sorted(triples) == [(f"image {n}".encode(), str(n).encode(), b'{"by":"hand"}') for n in range(4)]
    assert orders[0] != orders[1]


@pytest.mark.slow
def test_hosts_get_their_share(aws: Server) -> None:
    for name in "abc":
        aws.put(f"shards/{name}", name.encode())
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 5}
    job = streamed(
        aws, channel("shards/", source={"S3DataDistributionType": "ShardedByS3Key"}), ResourceConfig=resources
    )
    assert [read(aws, job, host)[0] for host in ("algo-1", "algo-2")] == [b"ac", b"b"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"class": 1}', "lacks source-ref"),
        ("no json", "Channel train cannot be streamed"),
        ('{"source-ref": "s3://slipway-test/none", "class": 1}', "NoSuchKey"),
        ('{"source-ref": "/etc/passwd", "class": 1}', "expected an S3 URI"),
    ],
)
def test_a_line_that_cannot_be_streamed_fails_the_job(aws: Server, line: str, reason: str) -> None:
    aws.put("lists/bad.manifest", line.encode())
    source = {"S3DataType": "AugmentedManifestFile", "AttributeNames": ["source-ref", "class"]}
    job = streamed(aws, channel("lists/bad.manifest", source=source))
    assert job["TrainingJobStatus"] == "Failed"
    assert reason in job["FailureReason"]


@pytest.mark.slow
def test_a_program_that_never_reads_can_be_stopped(aws: Server) -> None:
    aws.put("piped/a", b"a")
    condition = {"MaxRuntimeInSeconds": 1}
    script = "import time\ntime.sleep(60)"
    job = ended(aws, start(aws, script, InputDataConfig=[channel("piped/")], StoppingCondition=condition))
    assert job["SecondaryStatus"] == "MaxRuntimeExceeded"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"InputMode": "File", "RecordWrapperType": "RecordIO"},
            "RecordWrapperType RecordIO of channel train needs Pipe",
        ),
        ({"InputMode": "FastFile", "CompressionType": "Gzip"}, "CompressionType Gzip of channel train needs Pipe"),
        (
            {"InputMode": "File", "source": {"S3DataType": "AugmentedManifestFile", "AttributeNames": ["a"]}},
            "can only be used with Pipe input mode, not File",
        ),
        ({"source": {"S3DataType": "AugmentedManifestFile"}}, "AttributeNames must be specified"),
    ],
)
def test_what_only_a_pipe_can_do_is_refused_elsewhere(aws: Server, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError) as error:
        start(aws, READ, InputDataConfig=[channel("piped/", **given)])
    assert message in error.value.response["Error"]["Message"]


@given(st.lists(st.lists(st.sampled_from([MAGIC, b"x", b"yyyy", b"zz"]), max_size=9).map(b"".join)))
def test_records_come_back_whole(records: list[bytes]) -> None:
    assert unwrap(b"".join(map(recordio.wrap, records))) == records


def test_no_magic_number_stands_where_a_record_might_begin() -> None:
    """A reader may start at any multiple of four: only real heads may be there."""
    wrapped = recordio.wrap(b"abcd" + MAGIC + b"e" + MAGIC)
    heads = [at for at in range(0, len(wrapped), 4) if wrapped[at : at + 4] == MAGIC]
    assert len(heads) == 2
    assert [struct.unpack_from("<I", wrapped, at + 4)[0] >> 29 for at in heads] == [1, 3]


@given(st.integers(0, 50), st.integers(1, 5), st.integers(0, 9), st.booleans())
def test_shares_are_everything_once(count: int, hosts: int, number: int, shuffled: bool) -> None:
    given_ = {"DataSource": {"S3DataSource": {"S3DataDistributionType": "ShardedByS3Key"}}}
    if shuffled:
        given_["ShuffleConfig"] = {"Seed": 1}
    parts = [stream.share(list(range(count)), given_, number, host=host, hosts=hosts) for host in range(hosts)]
    assert sorted(one for part in parts for one in part) == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
