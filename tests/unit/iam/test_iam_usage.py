"""Granted minus used, and used minus granted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from rehearsal.aws.iam.errors import UnmappedCallError
from rehearsal.aws.iam.usage import compare, main, policies_of_state, used_actions

if TYPE_CHECKING:
    from pathlib import Path

ROLE = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "Data", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"},
        {"Sid": "Keys", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"},
        {"Sid": "Queues", "Effect": "Allow", "Action": "sqs:Send*", "Resource": "*"},
        {"Sid": "Never", "Effect": "Deny", "Action": "iam:*", "Resource": "*"},
    ],
}
STATE = {
    "resources": [
        {"type": "aws_iam_role", "instances": [{"attributes": {"name": "worker"}}, {"attributes": {"name": "idle"}}]},
        {
            "type": "aws_iam_role_policy",
            "instances": [{"attributes": {"role": "worker", "name": "inline", "policy": json.dumps(ROLE)}}],
        },
    ]
}


def call(service: str, operation: str, principal: str = "arn:aws:sts::123456789012:assumed-role/worker/job") -> str:
    return json.dumps({"principal": principal, "service": service, "operation": operation})


def test_what_was_granted_and_never_used() -> None:
    lines = [call("s3", "GetObject"), call("s3", "DeleteObject", "arn:aws:iam::123456789012:root")]
    idle, worker = compare(policies_of_state(STATE), used_actions(lines))
    assert worker.unused == {("inline", "Data", "s3:PutObject"), ("inline", "Queues", "sqs:Send*")}
    assert worker.ungranted == frozenset()
    assert worker.breadth == 4
    assert (idle.role, idle.granted, idle.used) == ("idle", frozenset(), frozenset())


def test_a_batch_counts_as_its_action() -> None:
    _, worker = compare(policies_of_state(STATE), used_actions([call("sqs", "SendMessageBatch")]))
    assert ("inline", "Queues", "sqs:Send*") not in worker.unused


def test_what_was_used_without_a_grant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "calls.jsonl").write_text(call("sagemaker", "CreateTrainingJob") + "\n")
    (tmp_path / "state").write_text(json.dumps(STATE))
    assert main([str(tmp_path / "calls.jsonl"), str(tmp_path / "state")]) == 1
    printed = capsys.readouterr().out
    assert "ungranted  sagemaker:CreateTrainingJob" in printed
    assert "ungranted  iam:PassRole" in printed


def test_a_call_that_nobody_mapped_is_an_error() -> None:
    with pytest.raises(UnmappedCallError, match="WriteGetObjectResponse"):
        used_actions([call("s3", "WriteGetObjectResponse")])
