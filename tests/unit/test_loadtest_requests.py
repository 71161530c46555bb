"""What is sent, where, and under which signature."""

from __future__ import annotations

import json
import types
from pathlib import Path

import pytest
from botocore.session import Session
from loadtest_support import KEY, REGION, SECRET, signature

from loadtest.errors import LoadUsageError
from loadtest.payloads import Payload, read_events, read_images
from loadtest.targets import SIGNATURE_LIFETIME_S, SignedPayloads, endpoint_target, function_target, state_machine


@pytest.fixture(autouse=True)
def aws_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


@pytest.mark.parametrize("make", [endpoint_target, function_target])
def test_signatures_are_those_aws_computes(make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4599")
    target = make("slipway-dev-vehicles")
    body, headers = SignedPayloads(target, [Payload(b"\x89PNG", "image/png")]).take()
    expected = signature(target.url, headers, body, target.service)
    assert headers["Authorization"].endswith(f"Signature={expected}")
    assert "content-type" in headers["Authorization"]


def test_temporary_credentials_carry_their_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a-token")
    _, headers = SignedPayloads(endpoint_target("one"), [Payload(b"1", "image/png")], Session()).take()
    assert headers["X-Amz-Security-Token"] == "a-token"
    assert "x-amz-security-token" in headers["Authorization"]


def test_payloads_are_taken_in_turn_and_signed_again_only_when_old() -> None:
    now = [0.0]
    payloads = [Payload(b"first", "image/png"), Payload(b"second", "image/jpeg")]
    stock = SignedPayloads(endpoint_target("one"), payloads, clock=lambda: now[0])
    (first, headers), (second, _), (again, same) = stock.take(), stock.take(), stock.take()
    assert (first, second, again) == (b"first", b"second", b"first")
    assert same is headers
    now[0] = SIGNATURE_LIFETIME_S + 1
    stock.take()
    assert stock.take()[1] is not headers


def test_without_settings_the_real_aws_is_addressed() -> None:
    assert endpoint_target("one").url == "https://runtime.sagemaker.eu-west-1.amazonaws.com/endpoints/one/invocations"
    assert endpoint_target("one").service == "sagemaker"
    assert function_target("f").url == (
        "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/f/invocations?Qualifier=live"
    )


def test_one_service_can_be_sent_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:1")
    assert function_target("f").url.startswith("http://127.0.0.1:1/")
    assert endpoint_target("e").url.startswith("https://")


def test_a_state_machine_is_found_by_its_name_in_the_callers_account() -> None:
    arn = "arn:aws-cn:states:cn-north-1:1:stateMachine:classify"
    assert state_machine(arn) == arn
    caller = {"Arn": "arn:aws-cn:sts::123456789012:assumed-role/operator/me", "Account": "123456789012"}
    session = types.SimpleNamespace(
        get_config_variable=lambda _: "cn-north-1",
        create_client=lambda *_, **__: types.SimpleNamespace(get_caller_identity=lambda: caller),
    )
    assert state_machine("classify", session) == "arn:aws-cn:states:cn-north-1:123456789012:stateMachine:classify"


def test_names_cannot_leave_their_place_in_the_path() -> None:
    assert "/endpoints/..%2Fother/invocations" in endpoint_target("../other").url


def test_a_missing_region_and_missing_credentials_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    target = endpoint_target("one")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(LoadUsageError, match=r"credentials.*AWS_PROFILE"):
        SignedPayloads(target, [Payload(b"1", "image/png")], Session())
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(LoadUsageError, match=r"region.*AWS_REGION"):
        endpoint_target("one", Session())


def test_images_are_found_below_the_folder_with_their_types(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "2.JPG").write_bytes(b"jpeg")
    (tmp_path / "1.png").write_bytes(b"png")
    (tmp_path / "notes.txt").write_text("not an image")
    assert read_images(tmp_path) == [Payload(b"png", "image/png"), Payload(b"jpeg", "image/jpeg")]
    assert len(read_images(tmp_path, limit=1)) == 1


def test_image_folders_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadUsageError, match="existing folder"):
        read_images(tmp_path / "nowhere")
    with pytest.raises(LoadUsageError, match="at least one"):
        read_images(tmp_path)
    (tmp_path / "empty.png").touch()
    with pytest.raises(LoadUsageError, match=r"empty\.png.*empty file"):
        read_images(tmp_path)
    with (tmp_path / "empty.png").open("wb") as file:
        file.truncate(25_000_001)
    with pytest.raises(LoadUsageError, match="25,000,000 bytes"):
        read_images(tmp_path)


def test_events_are_one_json_document_per_line(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text('{"a": 1}\n\n{"b": 2}\n')
    assert [json.loads(event.body) for event in read_events(file)] == [{"a": 1}, {"b": 2}]
    file.write_text('{"a": 1}\n{"b": \n')
    with pytest.raises(LoadUsageError, match=r"events\.jsonl:2"):
        read_events(file)
    file.write_text("\n")
    with pytest.raises(LoadUsageError, match="at least one event"):
        read_events(file)
