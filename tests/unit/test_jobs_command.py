"""`python -m training.jobs`: what a person types, what is sent, and what a mistake costs: nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from tests.unit import jobs_support as support
from training.errors import JobError
from training.jobs import __main__ as command
from training.jobs import client, environment, follow


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """What `terraform output -json` says of an environment."""
    path = tmp_path / "outputs.json"
    value = {environment.OUTPUT: {"value": {"vehicles": support.MADE}, "type": "dynamic", "sensitive": False}}
    path.write_text(json.dumps(value))
    return path


class Aws:
    """Keeps what is uploaded and sent."""

    def __init__(self) -> None:
        self.uploaded: list[str] = []
        self.sent: list[dict[str, Any]] = []

    def upload_file(self, path: str, bucket: str, key: str) -> None:
        assert Path(path).stat().st_size
        self.uploaded.append(f"s3://{bucket}/{key}")

    def create_training_job(self, **request: Any) -> None:
        self.sent.append(request)

    create_hyper_parameter_tuning_job = create_training_job


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    made = Aws()
    monkeypatch.setattr(client, "connect", lambda _: client.Clients(made, made, made))
    return made


def run(outputs: Path, *arguments: str) -> int:
    name, *rest = arguments
    return command.main([name, "--workload", "vehicles", "--env", "dev", "--outputs", str(outputs), *rest])


def test_a_job_is_sent_with_the_code_that_was_uploaded(outputs: Path, aws: Aws, capsys: pytest.CaptureFixture[str]):
    assert run(outputs, "train", "--detach", "--set", "epochs=2", "--instance-count", "2", "--max-cost", "1") == 0
    (request,), said = aws.sent, capsys.readouterr().out
    assert request["HyperParameters"]["epochs"] == "2"
    code = next(one for one in request["InputDataConfig"] if one["ChannelName"] == "code")
    assert aws.uploaded == [code["DataSource"]["S3DataSource"]["S3Uri"]]
    assert said.splitlines()[0].startswith("at most $0.53: 2 x ml.m5.xlarge for 1 h 00 min at $0.257 an hour")
    assert f"training job {request['TrainingJobName']}" in said


def test_a_request_can_be_looked_at_and_nothing_is_sent(outputs: Path, capsys: pytest.CaptureFixture[str]):
    assert run(outputs, "train", "--show", "--spot") == 0
    said = capsys.readouterr().out
    request = json.loads(said[: said.rindex("}") + 1])
    assert request["EnableManagedSpotTraining"] is True
    assert said.splitlines()[-1].startswith("at most $0.26, less with spot")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "--set", "epochs"], "--set = 'epochs': write it as NAME=VALUE"),
        (["train", "--set", "epoch=1"], "Did you mean epochs?"),
        (["train", "--set", "epochs=0"], "must lie between 1 and 500"),
        (["train", "--instance-type", "ml.p4d.24xlarge"], "instance type = 'ml.p4d.24xlarge': use one of"),
        (["train", "--max-cost", "0.01"], "MAX_COST = 0.01: the job may cost $0.26"),
        (["train", "--price", "-1"], "PRICE = -1.0"),
        (["train", "--warm-s", "9999"], "KeepAlivePeriodInSeconds = 9999"),
        (["train", "--code", "s3://elsewhere/sourcedir.tar.gz"], "code = 's3://elsewhere/sourcedir.tar.gz'"),
        (["tune"], "says nothing about what to search"),
        (["status", "--limit", "0"], "--limit = 0: must lie between 1 and 100"),
        (["stop", "--job", "slipway-prod-vehicles-1"], "is no job of vehicles in dev"),
    ],
)
def test_a_mistake_sends_nothing(
    arguments: list[str], says: str, outputs: Path, aws: Aws, capsys: pytest.CaptureFixture[str]
):
    assert run(outputs, *arguments) == 2
    assert says in capsys.readouterr().err
    assert aws.sent == []


def test_a_job_that_fails_is_told_by_the_exit_status(outputs: Path, aws: Aws, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: Any, **__: Any) -> None:
        raise follow.JobFailedError("job failed: no images")

    monkeypatch.setattr(follow, "training_job", fail)
    assert run(outputs, "train") == 1
    assert len(aws.sent) == 1


def test_who_stops_following_is_told_that_the_job_goes_on(
    outputs: Path, aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(follow, "training_job", interrupt)
    assert run(outputs, "train") == 130
    assert "the job goes on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("env", "workload", "says"),
    [("qa", "vehicles", "ENV = 'qa': name one of dev, prod"), ("dev", "boats", "workload = 'boats'")],
)
def test_an_unknown_place_is_told(
    env: str, workload: str, says: str, outputs: Path, capsys: pytest.CaptureFixture[str]
):
    assert command.main(["status", "--workload", workload, "--env", env, "--outputs", str(outputs)]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "OUTPUTS = .*cannot be read"),
        ("[]", "OUTPUTS = 'list': must be the object"),
        ("{}", r"training_environments = \[\]: does not hold vehicles: `make apply ENV=dev`"),
        ('{"training_environments": {"vehicles": {"region": "eu-west-1"}}}', "lacks these: `make apply ENV=dev`"),
    ],
)
def test_outputs_that_cannot_be_used_are_refused(text: str, says: str, tmp_path: Path):
    path = tmp_path / "outputs.json"
    path.write_text(text)
    with pytest.raises(JobError, match=says):
        environment.load("dev", "vehicles", outputs=path)


def test_settings_that_cannot_be_used_are_refused(tmp_path: Path, outputs: Path):
    path = tmp_path / "settings.yaml"
    for text, says in (
        ("a: [", "cannot be read"),
        ("- a", "must hold keys"),
        ("workloads: {}", "is no workload of dev"),
    ):
        path.write_text(text)
        with pytest.raises(JobError, match=says):
            environment.load("dev", "vehicles", outputs=outputs, settings=path)


def test_a_reason_in_the_settings_lets_other_instances_in(tmp_path: Path, outputs: Path):
    path = tmp_path / "settings.yaml"
    path.write_text(yaml.safe_dump({"loosened": {"instance_types": "A trial of r5."}, "workloads": {"vehicles": {}}}))
    assert environment.load("dev", "vehicles", outputs=outputs, settings=path).any_instance


def test_without_outputs_terraform_is_asked_and_the_remedy_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    program = tmp_path / "terraform"
    program.write_text("#!/bin/sh\necho 'no credentials for the state' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(JobError, match=r"no credentials for the state.*OUTPUTS=FILE"):
        environment.load("dev", "vehicles")
    program.unlink()
    with pytest.raises(JobError, match=r"cannot be started.*make setup"):
        environment.load("dev", "vehicles")


def test_credentials_of_another_account_are_refused(monkeypatch: pytest.MonkeyPatch):
    class Sts:
        def get_caller_identity(self) -> dict[str, str]:
            return {"Account": "999999999999"}

    monkeypatch.setattr(boto3.Session, "client", lambda *_: Sts())
    with pytest.raises(JobError, match=r"account = '999999999999': sign in to account 123456789012 \(dev\)"):
        client.connect(support.place())
