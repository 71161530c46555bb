"""One embedded AWS for the whole session, and small makers of what the tests need in it."""

from __future__ import annotations

import io
import json
import time
import uuid
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rehearsal.aws.client import EmbeddedAws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SPEED = 60.0


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    with EmbeddedAws.start(tmp_path_factory.mktemp("aws"), speed=SPEED) as embedded:
        yield embedded


@pytest.fixture(scope="session")
def client(aws: EmbeddedAws) -> Callable[[str], Any]:
    made: dict[str, Any] = {}

    def get(service: str) -> Any:
        if service not in made:
            made[service] = aws.client(service)
        return made[service]

    return get


@pytest.fixture
def name() -> str:
    return f"t-{uuid.uuid4().hex[:10]}"


@pytest.fixture(scope="session")
def role(client: Callable[[str], Any]) -> str:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"Service": ["lambda.amazonaws.com", "states.amazonaws.com", "sagemaker.amazonaws.com"]},
            }
        ],
    }
    answer = client("iam").create_role(RoleName="core-tests", AssumeRolePolicyDocument=json.dumps(trust))
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    client("iam").put_role_policy(RoleName="core-tests", PolicyName="all", PolicyDocument=json.dumps(allow))
    return answer["Role"]["Arn"]


def package(source: str, **files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("handler.py", source)
        for path, text in files.items():
            archive.writestr(path, text)
    return buffer.getvalue()


@pytest.fixture
def function(client: Callable[[str], Any], role: str, name: str) -> Iterator[Callable[..., dict[str, Any]]]:
    """Make a function from source; deleted afterwards."""
    made: list[str] = []

    def make(source: str, **options: Any) -> dict[str, Any]:
        function_name = options.pop("FunctionName", name)
        made.append(function_name)
        settings = {"Runtime": "python3.12", "Role": role, "Handler": "handler.handle", "Timeout": 30, **options}
        return client("lambda").create_function(
            FunctionName=function_name, Code={"ZipFile": package(source)}, **settings
        )

    yield make
    for function_name in made:
        client("lambda").delete_function(FunctionName=function_name)


def root_of(aws: EmbeddedAws) -> Path:
    """Return the folder that a server was started with."""
    words = Path(f"/proc/{aws.pid}/cmdline").read_bytes().split(b"\0")
    return Path(words[words.index(b"--root") + 1].decode())


def eventually(fact: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Return the first true value of ``fact``; fail when none comes in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = fact()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"did not come true within {seconds} s; last value: {value!r}")
        time.sleep(0.05)


@pytest.fixture
def queue(client: Callable[[str], Any], name: str) -> Iterator[tuple[str, str]]:
    """Return URL and ARN of a fresh queue."""
    url = client("sqs").create_queue(QueueName=f"{name}-q")["QueueUrl"]
    arn = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    yield url, arn
    client("sqs").delete_queue(QueueUrl=url)


@pytest.fixture
def receive(client: Callable[[str], Any]) -> Callable[[str], list[dict[str, Any]]]:
    """Wait for messages of a queue."""

    def get(url: str, seconds: float = 20.0) -> list[dict[str, Any]]:
        return eventually(
            lambda: (
                client("sqs")
                .receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
                .get("Messages")
            ),
            seconds,
        )

    return get
