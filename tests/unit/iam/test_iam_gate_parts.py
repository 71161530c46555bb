"""Parts of the gate without a server: expiry in each service's shape, journals, tags of a request."""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from gate_clients import ACCOUNT, ROLES, lines

from rehearsal.aws.context import Context
from rehearsal.aws.iam import duties, sessions, tags
from rehearsal.aws.iam.gate import Gate
from rehearsal.aws.iam.journal import Journal, open_book
from rehearsal.aws.iam.reference import find_action


@pytest.mark.parametrize(
    ("service", "kind", "code"),
    [
        ("sagemaker", "application/x-amz-json-1.1", "ExpiredTokenException"),
        ("sns", "application/x-www-form-urlencoded", "ExpiredToken"),
        ("s3", "", "ExpiredToken"),
        ("ec2", "application/x-www-form-urlencoded", "RequestExpired"),
    ],
)
def test_an_expired_session_is_refused_in_the_services_shape(
    service: str, kind: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/operator/s"
    over = SimpleNamespace(session_token="t", role_arn=f"{ROLES}/operator", arn=arn, expiration=datetime(2020, 1, 1))
    monkeypatch.setitem(sessions._known, "ASIAEXPIRED", over)
    book = open_book("enforce", tmp_path)
    assert book is not None
    said: list[str] = []
    signed = f"AWS4-HMAC-SHA256 Credential=ASIAEXPIRED/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host"
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "CONTENT_TYPE": kind,
        "HTTP_AUTHORIZATION": signed,
        "HTTP_X_AMZ_SECURITY_TOKEN": "t",
        "HTTP_X_AMZ_TARGET": "Service.Anything",
        "wsgi.input": io.BytesIO(b""),
    }
    try:
        gate = Gate(None, Context("http://127.0.0.1:1", tmp_path), book)
        body = b"".join(gate(environ, lambda status, *_: said.append(status)))
    finally:
        open_book("off", tmp_path)
    assert said == ["403 Forbidden"]
    assert code.encode() in body
    assert lines(tmp_path / "denials.jsonl")[0]["principal"] == arn


def test_a_journal_goes_on_after_a_restart(tmp_path: Path) -> None:
    for role in ("a", "b"):
        Journal(tmp_path / "uses.jsonl").write_first("role", role=role)
    assert [line["role"] for line in lines(tmp_path / "uses.jsonl")] == ["a", "b"]


def test_tags_in_a_request_become_keys() -> None:
    specified = [{"ResourceType": "vpc", "Tags": [{"Key": "team", "Value": "ships"}]}]
    assert tags.of_request({"TagSpecifications": specified}) == {
        "aws:RequestTag/team": "ships",
        "aws:TagKeys": ["team"],
    }
    assert tags.of_request({"TagKeys": ["team"]}) == {"aws:TagKeys": ["team"]}
    assert tags.of_request({}) == {}


def test_a_bucket_in_the_host_s_name_is_refused(tmp_path: Path) -> None:
    book = open_book("enforce", tmp_path)
    assert book is not None
    said: list[str] = []
    signed = "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/s3/aws4_request, SignedHeaders=host"
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/key",
        "HTTP_HOST": "bucket.s3.amazonaws.com",
        "HTTP_AUTHORIZATION": signed,
        "wsgi.input": io.BytesIO(b""),
    }
    try:
        body = b"".join(
            Gate(None, Context("http://127.0.0.1:1", tmp_path), book)(environ, lambda s, *_: said.append(s))
        )
    finally:
        open_book("off", tmp_path)
    assert (said, b"UndecidableRequest" in body) == (["403 Forbidden"], True)


def test_every_duty_has_a_source_and_is_asked_for() -> None:
    table = Path(duties.__file__)
    code = "".join(path.read_text() for path in table.parents[1].rglob("*.py") if path != table)
    assert [name for name in duties.DUTIES if f'"{name}"' not in code] == []
    assert all(row.source.startswith("https://docs.aws.amazon.com/") for row in duties.DUTIES.values())
    actions = {action for row in duties.DUTIES.values() for action in row.actions}
    unknown = {action for action in actions if find_action(action) is None}
    assert {action.partition(":")[0] for action in unknown} <= {"xray"}  # a service that nothing here calls
