"""Sessions are the roles', last for a stage, and what IAM refuses anybody fails the stage in which it happened."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.configloader
import pytest

from rehearsal import actors, drive, keeping
from rehearsal.denials import Denials, explain
from rehearsal.run import Options, RehearsalError, Run
from rehearsal.stages import STAGES

ROOT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "PATH": "/bin"}
REFUSED = {
    "principal": "arn:aws:sts::123456789012:assumed-role/slipway-rehearsal-vehicles-classify-image/job",
    "role": "arn:aws:iam::123456789012:role/slipway-rehearsal-vehicles-classify-image",
    "action": "sagemaker:InvokeEndpoint",
    "resource": "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/slipway-rehearsal-vehicles",
    "reason": "because no identity-based policy allows the sagemaker:InvokeEndpoint action",
}


class Sts:
    """Issues sessions and remembers for whom."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def _answer(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        number = str(len(self.asked))
        return {"Credentials": {"AccessKeyId": f"k{number}", "SecretAccessKey": "s", "SessionToken": f"t{number}"}}

    assume_role = assume_role_with_web_identity = _answer


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Sts:
    issuer = Sts()
    monkeypatch.setattr(actors.Actor, "client", lambda _self, _service: issuer)
    return issuer


@pytest.fixture
def run(tmp_path: Path) -> Run:
    begun = Run(tmp_path / "run", Options())
    begun.aws = SimpleNamespace(endpoint="http://127.0.0.1:1", env=lambda: dict(ROOT))  # type: ignore[assignment]
    begun.folder.mkdir()
    begun.profiles.write_text(
        "[profile rehearsal-operator]\naws_access_key_id = AK\naws_secret_access_key = %\n"
        "[profile rehearsal-approver]\naws_access_key_id = AL\naws_secret_access_key = s\n"
    )
    return begun


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@pytest.mark.parametrize(
    ("name", "subject"),
    [("deploy", "repo:example/slipway:environment:rehearsal"), ("plan", "repo:example/slipway:ref:refs/heads/main")],
)
def test_the_pipeline_comes_with_githubs_claims(run: Run, sts: Sts, name: Any, subject: str) -> None:
    env = actors.actor(run, name).env()
    (asked,) = sts.asked
    said = claims(asked["WebIdentityToken"])
    assert asked["RoleArn"] == f"arn:aws:iam::123456789012:role/slipway-{name}"
    assert (said["iss"], said["aud"], said["sub"]) == (actors.ISSUER, "sts.amazonaws.com", subject)
    assert said["nbf"] <= time.time() <= said["exp"]
    assert (env["AWS_ACCESS_KEY_ID"], env["AWS_SESSION_TOKEN"], env["PATH"]) == ("k1", "t1", "/bin")


def test_people_assume_their_own_role(run: Run, sts: Sts) -> None:
    actors.actor(run, "operator")
    actors.actor(run, "approver")
    assert [asked["RoleArn"].rsplit("/")[-1] for asked in sts.asked] == [
        "slipway-rehearsal-operator",
        "slipway-rehearsal-approver",
    ]


def test_the_owner_needs_no_session(run: Run, sts: Sts) -> None:
    assert "AWS_SESSION_TOKEN" not in actors.actor(run, "owner").env()
    assert sts.asked == []


def test_a_session_is_kept_until_half_of_it_is_over(run: Run, sts: Sts, monkeypatch: pytest.MonkeyPatch) -> None:
    first = actors.actor(run, "deploy").credentials
    assert actors.actor(run, "deploy").credentials == first
    begun = first.begun
    monkeypatch.setattr(actors.time, "monotonic", lambda: begun + actors.SESSION_S / 2 + 1)
    assert actors.actor(run, "deploy").credentials.key == "k2"
    assert len(sts.asked) == 2


def test_who_has_not_been_signed_up_is_told_which_stage_does_it(run: Run) -> None:
    run.profiles.unlink()
    with pytest.raises(RehearsalError, match="make rehearse STAGE=bootstrap"):
        actors.actor(run, "operator")


class Iam:
    """Users and their keys."""

    class exceptions:  # noqa: N801 - as a client has it
        class NoSuchEntityException(Exception):  # noqa: N818 - as AWS calls it
            pass

    def __init__(self) -> None:
        self.users: dict[str, list[str]] = {}

    def list_access_keys(self, UserName: str) -> dict[str, Any]:  # noqa: N803
        if UserName not in self.users:
            raise self.exceptions.NoSuchEntityException
        return {"AccessKeyMetadata": [{"AccessKeyId": key} for key in self.users[UserName]]}

    def create_user(self, UserName: str) -> None:  # noqa: N803
        assert UserName not in self.users, "a user is made twice"
        self.users[UserName] = []

    def create_access_key(self, UserName: str) -> dict[str, Any]:  # noqa: N803
        self.users[UserName].append(f"key-of-{UserName}")
        return {"AccessKey": {"AccessKeyId": f"key-of-{UserName}", "SecretAccessKey": "100%"}}

    def delete_access_key(self, UserName: str, AccessKeyId: str) -> None:  # noqa: N803
        self.users[UserName].remove(AccessKeyId)

    def delete_user(self, UserName: str) -> None:  # noqa: N803
        assert self.users.pop(UserName) == [], "a user with keys cannot be deleted"


def test_people_are_signed_up_anew_and_off_again_and_only_they_can_read_their_keys(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    iam = Iam()
    monkeypatch.setattr(actors.Actor, "client", lambda _self, _service: iam)
    actors.sign_up(run)
    actors.sign_up(run)  # a stage that is run again
    assert iam.users == {user: [f"key-of-{user}"] for user in actors.PEOPLE.values()}
    assert run.profiles.stat().st_mode & 0o777 == 0o600
    assert actors.person(run, "operator") == actors.Credentials("key-of-rehearsal-operator", "100%")
    profiles = botocore.configloader.load_config(str(run.profiles))["profiles"]
    assert profiles["operator"]["role_arn"] == "arn:aws:iam::123456789012:role/slipway-rehearsal-operator"
    assert profiles["operator"]["source_profile"] == "rehearsal-operator"
    assert profiles["owner"]["aws_access_key_id"] == "test"
    actors.sign_off(run)
    actors.sign_off(run)
    assert iam.users == {}


def test_a_person_is_told_how_to_work_as_the_operator(run: Run) -> None:
    aws = SimpleNamespace(
        pid=7,
        region="eu-west-1",
        account_id="123456789012",
        env=lambda: {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "test"},
    )
    said = keeping.hints(aws, "vehicles", run.folder)  # type: ignore[arg-type]
    assert f"export AWS_CONFIG_FILE={run.profiles}" in said
    assert "export AWS_PROFILE=operator" in said
    assert "unset AWS_ACCESS_KEY_ID" in said
    assert "export AWS_ACCESS_KEY_ID" not in said


# --- denials --------------------------------------------------------------------------------------


def write(run: Run, *denials: dict[str, Any]) -> None:
    run.aws_root.mkdir(parents=True, exist_ok=True)
    with run.denials.open("a") as journal:
        journal.writelines(json.dumps(denial) + "\n" for denial in denials)


def test_only_new_whole_lines_count_and_each_once(run: Run) -> None:
    write(run, REFUSED)
    denials = Denials(run.denials)
    assert denials.new() == []
    write(run, REFUSED)
    with run.denials.open("a") as journal:
        journal.write('{"principal"')
    assert denials.new() == [REFUSED]
    with run.denials.open("a") as journal:
        journal.write(': "x"}\n')
    assert denials.new() == [{"principal": "x"}]
    assert denials.new() == []


def test_calls_that_are_to_be_refused_are_left_out(run: Run) -> None:
    denials = Denials(run.denials)
    write(run, REFUSED | {"principal": "arn:aws:sts::123456789012:assumed-role/slipway-deploy/forbidden-s3"})
    assert denials.new() == []


def test_role_action_resource_and_reason_are_named_and_repetitions_counted() -> None:
    unmapped = {"principal": "", "service": "s3", "operation": "GET /x", "reason": "no such operation"}
    said = explain([REFUSED, REFUSED, unmapped])
    assert said.startswith("IAM refused 3 calls:\n")
    assert "role slipway-rehearsal-vehicles-classify-image may not sagemaker:InvokeEndpoint on arn:aws:sage" in said
    assert "because no identity-based policy allows the sagemaker:InvokeEndpoint action (2 times)" in said
    assert "somebody without credentials may not s3:GET /x: no such operation" in said


@pytest.mark.parametrize("fails_itself", [False, True])
def test_a_refused_call_fails_the_stage_and_is_named(
    run: Run, fails_itself: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def perform(*_: object) -> tuple[str, dict[str, Any]]:
        write(run, REFUSED)
        if fails_itself:
            raise RehearsalError("terraform apply ended with exit code 1")
        return "fine", {}

    monkeypatch.setattr(drive, "perform", perform)
    run.aws = None
    assert drive.carry_out(run, "classify", Denials(run.denials)) is False
    out = capsys.readouterr().out
    for expected in ("slipway-rehearsal-vehicles-classify-image", REFUSED["action"], REFUSED["resource"]):
        assert expected in out
    assert ("terraform apply ended" in out) is fails_itself
    (record,) = [json.loads(path.read_text()) for path in (run.folder / "stages").glob("*.json")]
    assert record["status"] == "failed"
    assert STAGES[int(next((run.folder / "stages").glob("*.json")).name[:2]) - 1] == "classify"


def test_a_stage_without_refusals_passes(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drive, "perform", lambda *_: ("fine", {}))
    run.aws = None
    assert drive.carry_out(run, "classify", Denials(run.denials)) is True
