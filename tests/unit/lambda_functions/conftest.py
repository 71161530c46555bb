"""A real S3 (moto's server), scripted servers for what moto does not do, and the handlers against them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from tests.unit import functions_support as support
from tests.unit.lambda_functions.scripted import Reply, Scripted

ENVIRONMENT = {
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_SESSION_TOKEN": "token",
    "ALLOWED_BUCKETS": f"{support.BUCKET}, other-allowed-bucket",
    "ENDPOINT_NAME": "slipway-test-vehicles",
    "MAX_IMAGE_BYTES": "100000",
    "MAX_IMAGE_PIXELS": "10000",
    "TOP_K": "2",
    "RESULTS_BUCKET": support.BUCKET,
    "RESULTS_PREFIX": "/vehicles/results/",
}


@pytest.fixture(scope="session")
def moto_server() -> Iterator[str]:
    """One server for all tests: starting it takes longer than any of them."""
    with support.moto_server() as url:
        yield url


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What Lambda and Terraform set for a function."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture(scope="session")
def resource(moto_server: str) -> Any:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.resource("s3", endpoint_url=moto_server, region_name="eu-west-1", **keys)


@pytest.fixture
def s3(moto_server: str, resource: Any, environment: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client, and an empty, versioned bucket that the handlers reach."""
    environment.setenv("AWS_ENDPOINT_URL_S3", moto_server)
    bucket = resource.Bucket(support.BUCKET)
    bucket.create(CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    bucket.Versioning().enable()
    yield resource.meta.client
    bucket.object_versions.delete()
    bucket.delete()


@pytest.fixture
def scripted() -> Iterator[Callable[..., Scripted]]:
    """Start servers that answer along a script."""
    servers: list[Scripted] = []

    def start(*steps: Reply) -> Scripted:
        servers.append(Scripted(*steps))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Take the waiting out of retrying; the pauses that would have been, in seconds."""
    waited: list[float] = []
    monkeypatch.setattr(support.common("retry"), "time", SimpleNamespace(sleep=waited.append))
    return waited


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Give a handler a connection of its own, which waits for a fraction of a second where the real one waits long."""

    def prepare(name: str) -> Any:
        handler = support.load(name)
        attempts = handler.AWS.retries.attempts
        monkeypatch.setattr(
            handler, "AWS", support.common("aws").Connection(connect_s=1, read_s=0.3, attempts=attempts)
        )
        return handler

    return prepare


def put(client: Any, key: str, body: bytes) -> dict[str, str]:
    version = client.put_object(Bucket=support.BUCKET, Key=key, Body=body)["VersionId"]
    return {"bucket": support.BUCKET, "key": key, "version": version}
