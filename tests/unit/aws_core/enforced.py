"""An embedded AWS that enforces policies, and makers of what its tests need."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.aws.client import EmbeddedAws
from tests.unit.aws_core.conftest import package

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ACCOUNT = "123456789012"
ECHO = "def handle(event, context):\n    print('seen')\n    return event\n"
LOGS = {"Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
NETWORK = {
    "Action": ["ec2:*NetworkInterface*", "ec2:DescribeSubnets", "ec2:*PrivateIpAddresses"],
    "Resource": "*",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("permissions")


@pytest.fixture(scope="module")
def aws(root: Path) -> Iterator[EmbeddedAws]:
    with EmbeddedAws.start(root, speed=60.0, iam="enforce") as embedded:
        yield embedded


@pytest.fixture(scope="module")
def client(aws: EmbeddedAws) -> Callable[[str], Any]:
    made: dict[str, Any] = {}
    return lambda service: made.setdefault(service, aws.client(service))


@pytest.fixture
def role_for(client: Callable[[str], Any], name: str) -> Callable[..., str]:
    def make(service: str, *statements: dict[str, Any], source: str | None = None) -> str:
        trusted: dict[str, Any] = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": f"{service}.amazonaws.com"},
        }
        equals = {"aws:SourceAccount": ACCOUNT, **({"aws:SourceArn": source} if source else {})}
        document = policy({**trusted, "Condition": {"StringEquals": equals}})
        iam, of = client("iam"), f"{name}-{uuid.uuid4().hex[:6]}"
        arn: str = iam.create_role(RoleName=of, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        if statements:
            allowed = policy(*({"Effect": "Allow", **statement} for statement in statements))
            iam.put_role_policy(RoleName=of, PolicyName="inline", PolicyDocument=allowed)
        return arn

    return make


@pytest.fixture
def denials(root: Path) -> Callable[[], list[dict[str, Any]]]:
    """What has been refused since the test began."""
    path = root / "denials.jsonl"
    before = len(path.read_text().splitlines())
    return lambda: [json.loads(line) for line in path.read_text().splitlines()[before:]]


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def awaited(look: Callable[[], Any], seconds: float = 20.0) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    return look()


def arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:eu-west-1:{ACCOUNT}:{rest}"


def make(client: Callable[[str], Any], name: str, role: str, **options: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client("lambda").create_function(
        FunctionName=name,
        Role=role,
        Runtime="python3.11",
        Handler="handler.handle",
        Code={"ZipFile": package(ECHO)},
        **options,
    )
    return answer


def refused(call: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def streams(client: Callable[[str], Any], group: str) -> list[Any]:
    try:
        found: list[Any] = client("logs").describe_log_streams(logGroupName=group)["logStreams"]
    except ClientError:
        return []
    return found


def queue(client: Callable[[str], Any], name: str, **attributes: str) -> tuple[str, str]:
    url = client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, arn("sqs", name)


def let_in(client: Callable[[str], Any], url: str, service: str, source: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "*",
        "Condition": {"ArnEquals": {"aws:SourceArn": source}, "StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }
    client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy(statement)})


def received(client: Callable[[str], Any], url: str, seconds: int = 5) -> list[Any]:
    found: list[Any] = awaited(lambda: client("sqs").receive_message(QueueUrl=url).get("Messages"), seconds) or []
    return found
