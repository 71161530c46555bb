"""`make k8s-logs`: from a resource's name to the lines of its job, until the job has ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from test_aws_sagemaker_training import start

from training.errors import JobError
from training.jobs.kubernetes import logs
from training.jobs.kubernetes.__main__ import main

if TYPE_CHECKING:
    from aws_sagemaker_server import Server


def manifest(name: str, resource: str = "first", region: str = "eu-west-1") -> dict[str, Any]:
    return {
        "kind": "TrainingJob",
        "metadata": {"name": resource, "annotations": {"services.k8s.aws/region": region}},
        "spec": {"trainingJobName": name},
    }


def written(folder: Path, document: dict[str, Any]) -> Path:
    (folder / "trainingjob.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return folder


def kubectl(folder: Path, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any] | None) -> Path:
    """A cluster that knows one resource, or none; returns where it writes how it was asked."""
    asked, said = folder / "asked", json.dumps(answer)
    tool = folder / "kubectl"
    works = f"cat <<'END'\n{said}\nEND" if answer else 'echo "Error from server (NotFound): not found" >&2; exit 1'
    tool.write_text(f'#!/bin/sh\necho "$@" > {asked}\n{works}\n', encoding="utf-8")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return asked


def test_a_jobs_lines_are_told_with_their_instance_until_it_has_ended(aws: Server) -> None:
    job = logs.Job("first", start(aws), "eu-west-1")
    told: list[str] = []

    status = logs.follow(aws.sagemaker, aws.logs, job, told.append, poll_s=0.05)

    assert status == "Completed"
    assert [line for line in told if "epoch=" in line] == [
        f"algo-1  epoch={epoch}; train:loss={1 / (epoch + 1):.4f};" for epoch in range(3)
    ]
    assert len(told) == len(set(told)), "every line once"

    told.clear()
    logs.follow(aws.sagemaker, aws.logs, job, told.append, host="algo-2", poll_s=0.05)
    assert told == []


@pytest.mark.parametrize(("script", "code"), [("print('fine')", 0), ("raise SystemExit(3)", 1)])
def test_the_exit_code_is_that_of_the_job(
    script: str,
    code: int,
    aws: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint)
    monkeypatch.setattr(logs.follow, "__kwdefaults__", {"host": "", "poll_s": 0.05})
    job = start(aws, script)
    (tmp_path / "vehicles").mkdir()
    written(tmp_path / "vehicles", manifest(job))

    assert main(["logs", "--workload", "vehicles", "--out", str(tmp_path)]) == code

    said = capsys.readouterr()
    assert f"first: SageMaker's training job {job} in eu-west-1" in said.err
    assert f"first: {'Completed' if code == 0 else 'Failed'}" in said.err


def test_the_manifest_names_the_job(tmp_path: Path) -> None:
    folder = written(tmp_path, manifest("job-7", region="eu-central-1"))
    for resource in ("", "first"):
        assert logs.find(folder, resource, "ml") == logs.Job("first", "job-7", "eu-central-1")


def test_another_resource_is_asked_of_the_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = manifest("job-8", "second") | {"status": {"ackResourceMetadata": {"region": "eu-north-1"}}}
    asked = kubectl(tmp_path, monkeypatch, found)
    folder = written(tmp_path, manifest("job-7"))

    assert logs.find(folder, "second", "ml") == logs.Job("second", "job-8", "eu-north-1")
    wanted = "get trainingjobs.sagemaker.services.k8s.aws/second --namespace=ml --output=json"
    assert asked.read_text(encoding="utf-8").strip() == wanted


def test_what_the_cluster_does_not_know_is_told_in_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl(tmp_path, monkeypatch, None)
    with pytest.raises(JobError, match=r"JOB = 'second': kubectl finds no .*NotFound"):
        logs.find(tmp_path, "second", "ml")


def test_without_kubectl_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(JobError, match="no kubectl"):
        logs.find(tmp_path, "second", "ml")
    with pytest.raises(JobError, match="make manifests"):
        logs.find(tmp_path, "", "ml")


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (manifest("t") | {"kind": "HyperParameterTuningJob"}, "is no training job"),
        (manifest(""), "is no training job"),
        (manifest("t") | {"metadata": {"name": "first"}}, "says no region"),
    ],
)
def test_a_resource_that_is_no_training_job_is_refused(document: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(JobError, match=says):
        logs.find(written(tmp_path, document), "", "ml")


def test_a_job_that_sagemaker_does_not_know_is_refused(aws: Server) -> None:
    with pytest.raises(JobError, match="JOB = 'never'"):
        logs.follow(aws.sagemaker, aws.logs, logs.Job("a", "never", "eu-west-1"), print, poll_s=0.05)
