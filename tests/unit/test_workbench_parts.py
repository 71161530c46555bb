"""Parts of what runs on a workbench, and the script it boots with."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from training.jobs.workbench import pack
from training.jobs.workbench.agent import layout as layouts
from training.jobs.workbench.agent import notice, program, report, store

BOOT = Path(__file__).resolve().parents[2] / "terraform" / "modules" / "workbench" / "boot.sh"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0"
REQUEST: dict[str, Any] = {
    "TrainingJobName": "job",
    "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
    "HyperParameters": {"epochs": "2", "sagemaker_submit_directory": "/opt/ml/input/data/code/sourcedir.tar.gz"},
    "OutputDataConfig": {"S3OutputPath": "s3://models/w/artifacts", "KmsKeyId": "key"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    "Environment": {"LEVEL": "1"},
}


class Bucket:
    """Just enough of S3: objects by key."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def get_paginator(self, _: str) -> Bucket:
        return self

    def paginate(self, **asked: str) -> list[dict[str, Any]]:
        return [{"Contents": [{"Key": key} for key in sorted(self.objects) if key.startswith(asked["Prefix"])]}]

    def get_object(self, **asked: str) -> dict[str, Any]:
        return {"Body": BytesIO(self.objects[asked["Key"]])}

    def download_file(self, _: str, key: str, path: str) -> None:
        Path(path).write_bytes(self.objects[key])

    def upload_file(self, path: str, _: str, key: str) -> None:
        self.objects[key] = Path(path).read_bytes()


def channel(uri: str, **changes: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri} | changes.pop("source", {})
    return {"ChannelName": "train", "DataSource": {"S3DataSource": source}, **changes}


def fetched(tmp_path: Path, objects: dict[str, bytes], one: dict[str, Any]) -> list[str]:
    request = REQUEST | {"InputDataConfig": [one]}
    layout = layouts.prepare(tmp_path / "ml", request, relocated=False)
    store.fetch_channels(Bucket(objects), request, layout)
    folder = layout.data / "train"
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_boot_script_is_clean() -> None:
    found = subprocess.run(
        [Path(sys.executable).with_name("shellcheck"), "--severity=style", BOOT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout


def test_the_boot_script_names_the_setting_that_is_missing() -> None:
    found = subprocess.run(["bash", BOOT], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False)
    assert found.returncode != 0
    assert "AWS_DEFAULT_REGION" in found.stderr


def test_a_prefix_keeps_its_folders_and_a_partial_name_keeps_its_own(tmp_path: Path) -> None:
    objects = {"d/train/a": b"", "d/train/deep/b": b"", "d/train.lst": b""}
    assert fetched(tmp_path, objects, channel("s3://data/d/train/")) == ["a", "deep/b"]
    assert fetched(tmp_path, objects, channel("s3://data/d/train")) == ["a", "deep/b", "train.lst"]


def test_a_manifest_names_its_files(tmp_path: Path) -> None:
    objects = {"d/list": json.dumps([{"prefix": "s3://data/d/"}, "x", "y/z"]).encode(), "d/x": b"", "d/y/z": b""}
    assert fetched(tmp_path, objects, channel("s3://data/d/list", source={"S3DataType": "ManifestFile"})) == [
        "x",
        "y/z",
    ]


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (channel("s3://data/d/", InputMode="Pipe"), "is streamed"),
        (channel("s3://data/d/", source={"S3DataType": "AugmentedManifestFile"}), "AugmentedManifestFile"),
        (channel("s3://data/nothing/"), "nothing lies below s3://data/nothing/"),
        (channel("s3://data/d/"), "would lie outside its folder"),
    ],
)
def test_data_that_cannot_come_here_is_refused(one: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(store.UnfitError, match=says):
        fetched(tmp_path, {"d/../../etc/passwd": b""}, one)


def test_only_new_checkpoints_are_sent(tmp_path: Path) -> None:
    request = REQUEST | {"CheckpointConfig": {"S3Uri": "s3://models/w/checkpoints/job"}}
    bucket = Bucket({"w/checkpoints/job/a": b"1"})
    layout = layouts.prepare(tmp_path / "ml", request, relocated=False)
    checkpoints = store.Checkpoints(bucket, request, layout)

    assert checkpoints.restore() == 1
    assert checkpoints.save() == 0
    (layout.base / "checkpoints" / "b").write_text("2", encoding="utf-8")
    assert (checkpoints.save(), checkpoints.save()) == (1, 0)
    assert bucket.objects["w/checkpoints/job/b"] == b"2"


def test_a_job_without_a_place_for_checkpoints_keeps_none(tmp_path: Path) -> None:
    layout = layouts.prepare(tmp_path / "ml", REQUEST, relocated=False)
    checkpoints = store.Checkpoints(Bucket({}), REQUEST, layout)
    assert (checkpoints.restore(), checkpoints.save()) == (0, 0)
    assert (layout.base / "checkpoints").is_dir()


@pytest.mark.parametrize("relocated", [True, False])
def test_paths_in_hyperparameters_move_where_there_is_no_container(relocated: bool, tmp_path: Path) -> None:
    layout = layouts.prepare(tmp_path / "ml", REQUEST, relocated=relocated)
    given = json.loads((layout.config / "hyperparameters.json").read_text(encoding="utf-8"))
    base = layout.base if relocated else "/opt/ml"
    assert given == {"epochs": "2", "sagemaker_submit_directory": f"{base}/input/data/code/sourcedir.tar.gz"}


def docker(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Docker that only writes down how it was called."""
    calls = folder / "calls"
    (folder / "docker").write_text(f'#!/bin/sh\necho "$@" >> {calls}\n[ "$1" = login ] && cat >> {calls}\nexit 0\n')
    (folder / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return calls


def test_the_container_has_no_network_and_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker(tmp_path, monkeypatch)
    layout = layouts.prepare(tmp_path / "ml", REQUEST, relocated=False)

    command = program.container(REQUEST, layout)

    assert command[-2:] == [IMAGE, "train"]
    text = " ".join(command)
    assert "--network none --cap-drop ALL --security-opt no-new-privileges" in text
    assert f"--volume {tmp_path / 'ml'}:/opt/ml" in text
    assert "--env LEVEL=1 --env TRAINING_JOB_NAME=job" in text
    assert "AWS_" not in text
    assert "--gpus" not in command
    assert "--privileged" not in command


def test_with_a_gpu_the_container_gets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker(tmp_path, monkeypatch)
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    command = program.container(REQUEST, layouts.prepare(tmp_path / "ml", REQUEST, relocated=False))
    assert command[command.index("--gpus") + 1] == "all"


def test_the_image_is_fetched_with_a_token_that_no_command_line_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Registry:
        def get_authorization_token(self) -> dict[str, Any]:
            return {"authorizationData": [{"authorizationToken": "QVdTOnNlY3JldA=="}]}  # AWS:secret

    calls = docker(tmp_path, monkeypatch)
    program.pull(Registry(), IMAGE)
    assert calls.read_text(encoding="utf-8").splitlines() == [
        "login --username AWS --password-stdin 123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        f"secretpull --quiet {IMAGE}",
    ]


def test_a_program_that_does_not_stop_is_killed() -> None:
    said: list[str] = []
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    running = program.Running([sys.executable, "-c", stubborn], said.append)
    while not said:
        assert running.wait(0.05) is None
    assert running.end(0.1) == -9


@pytest.mark.parametrize(("sizes", "made"), [([], []), ([10] * 3, [3]), ([600_000, 600_000, 5], [1, 2])])
def test_lines_go_in_portions_that_one_call_takes(sizes: list[int], made: list[int]) -> None:
    assert [len(batch) for batch in report.batches([{"message": "x" * size} for size in sizes])] == made


def test_more_lines_than_one_call_takes_are_split() -> None:
    assert [len(batch) for batch in report.batches([{"message": "x"}] * 10_001)] == [10_000, 1]


def test_without_a_metadata_service_there_is_no_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")
    assert notice.given() is False


def test_the_agent_is_the_same_bytes_each_time_and_needs_nothing_but_boto3() -> None:
    assert pack.agent() == pack.agent()
    with zipfile.ZipFile(BytesIO(pack.agent())) as archive:
        names = set(archive.namelist())
        nodes = [node for name in names for node in ast.walk(ast.parse(archive.read(name)))]
    assert {"__main__.py", "training/jobs/script_mode.py", "training/jobs/workbench/agent/run.py"} <= names
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} - set(sys.stdlib_module_names) == {"boto3", "training"}
