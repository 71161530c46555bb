"""A call that was carried out and used nothing was never decided."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rehearsal.prove.calls import undecided
from rehearsal.prove.used import EvidenceError, Use


def recorded(path: Path, *calls: tuple[str, str, str, int]) -> Path:
    rows = [
        {"principal": f"arn:aws:sts::123456789012:assumed-role/{who}", "service": s, "operation": o, "status": status}
        for who, s, o, status in calls
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def use(action: str) -> Use:
    return Use("worker", action, "*", "statements", "Work")


def test_a_call_without_a_use_is_told(tmp_path: Path) -> None:
    calls = recorded(
        tmp_path / "calls.jsonl", ("worker/job", "s3", "PutObject", 200), ("worker/job", "sqs", "SendMessageBatch", 200)
    )
    (told,) = undecided(calls, [use("s3:PutObject")])
    assert "worker carried out sqs:SendMessageBatch" in told
    assert undecided(calls, [use("s3:PutObject"), use("sqs:SendMessage")]) == []


def test_what_needs_nothing_was_refused_or_only_tried_is_left_out(tmp_path: Path) -> None:
    calls = recorded(
        tmp_path / "calls.jsonl",
        ("worker/job", "sts", "GetCallerIdentity", 200),
        ("worker/job", "s3", "DeleteObject", 403),
        ("worker/forbidden-worker", "s3", "DeleteObject", 204),
    )
    assert undecided(calls, []) == []


def test_an_object_may_be_asked_for_by_its_version(tmp_path: Path) -> None:
    calls = recorded(tmp_path / "calls.jsonl", ("worker/job", "s3", "GetObject", 200))
    assert undecided(calls, [use("s3:GetObjectVersion")]) == []


def test_a_call_that_nobody_mapped_is_an_error(tmp_path: Path) -> None:
    calls = recorded(tmp_path / "calls.jsonl", ("worker/job", "s3", "WriteGetObjectResponse", 200))
    with pytest.raises(EvidenceError, match="WriteGetObjectResponse"):
        undecided(calls, [])
