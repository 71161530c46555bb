"""An upload starts a state machine by a rule, where policies are enforced: with its role, or into the dead letters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from enforced import LOGS, awaited, aws, client, let_in, queue, received, role_for, root

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["aws", "client", "role_for", "root"]

pytestmark = pytest.mark.slow  # the rehearsal of claims goes the same way

BUCKET = "uploads-enforced-bucket"
KEY = 'claims/incoming/C-1/a "quoted" photo+\u00e9.png'


def machine(client: Callable[[str], Any], name: str, role: str) -> str:
    definition = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    arn: str = client("stepfunctions").create_state_machine(name=name, roleArn=role, definition=json.dumps(definition))[
        "stateMachineArn"
    ]
    return arn


def bucket(client: Callable[[str], Any]) -> None:
    s3 = client("s3")
    if BUCKET not in [found["Name"] for found in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )


def rule(client: Callable[[str], Any], name: str, target: str, role: str, dead: str) -> None:
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [BUCKET]}, "object": {"key": [{"prefix": "claims/incoming/"}]}},
    }
    client("events").put_rule(Name=name, EventPattern=json.dumps(pattern))
    made = {
        "Id": "target",
        "Arn": target,
        "RoleArn": role,
        "InputPath": "$.detail",
        "DeadLetterConfig": {"Arn": dead},
    }
    assert client("events").put_targets(Rule=name, Targets=[made])["FailedEntryCount"] == 0


def executions(client: Callable[[str], Any], arn: str) -> list[dict[str, Any]]:
    states = client("stepfunctions")
    listed = states.list_executions(stateMachineArn=arn)["executions"]
    return [json.loads(states.describe_execution(executionArn=one["executionArn"])["input"]) for one in listed]


def test_an_upload_reaches_the_machine_as_s3_tells_it_and_only_below_the_prefix(client, name, role_for):
    bucket(client)
    arn = machine(client, name, role_for("states", LOGS))
    starts = role_for("events", {"Action": "states:StartExecution", "Resource": arn})
    url, dead = queue(client, f"{name}-dlq")
    rule(client, name, arn, starts, dead)
    client("s3").put_object(Bucket=BUCKET, Key="elsewhere/a.png", Body=b"x")
    version = client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=b"photo")["VersionId"]
    (given,) = awaited(lambda: executions(client, arn))
    assert given["bucket"] == {"name": BUCKET}
    assert {part: given["object"][part] for part in ("key", "version-id", "size")} == {
        "key": KEY,
        "version-id": version,
        "size": 5,
    }
    assert given["reason"] == "PutObject"
    assert not client("sqs").receive_message(QueueUrl=url).get("Messages")
    client("events").remove_targets(Rule=name, Ids=["target"])


def test_an_upload_that_may_not_start_anything_lies_in_the_queue_whole(client, name, role_for, root):
    bucket(client)
    arn = machine(client, name, role_for("states", LOGS))
    powerless = role_for("events", {"Action": "states:StartExecution", "Resource": f"{arn}-other"})
    url, dead = queue(client, f"{name}-dlq")
    source = f"arn:aws:events:eu-west-1:123456789012:rule/{name}"
    let_in(client, url, "events", source)
    rule(client, name, arn, powerless, dead)
    client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=b"photo")
    (message,) = received(client, url, 20)
    assert json.loads(message["Body"])["object"]["key"] == KEY
    assert not executions(client, arn)
    denied = (root / "denials.jsonl").read_text()
    assert "states:StartExecution" in denied
    client("events").remove_targets(Rule=name, Ids=["target"])


def test_a_role_that_eventbridge_may_not_assume_starts_nothing(client, name, role_for):
    bucket(client)
    arn = machine(client, name, role_for("states", LOGS))
    foreign = role_for("lambda", {"Action": "states:StartExecution", "Resource": arn})
    url, dead = queue(client, f"{name}-dlq")
    let_in(client, url, "events", f"arn:aws:events:eu-west-1:123456789012:rule/{name}")
    rule(client, name, arn, foreign, dead)
    client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=b"photo")
    assert received(client, url, 20)
    assert not executions(client, arn)
    client("events").remove_targets(Rule=name, Ids=["target"])
