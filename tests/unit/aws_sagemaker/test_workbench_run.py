"""A workbench runs what a training job runs, from the same request to the same places, interruptions and all."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from test_aws_sagemaker_training import ended as job_ended
from workbench_machine import (
    DEADLINE_S,
    GROUP,
    NAME,
    ROOT,
    boot,
    booted,
    ended,
    leave,
    listed,
    metadata,
    read,
    request,
    seen,
)

from training.jobs import package
from training.jobs.logs import Follower
from training.workloads import spec

if TYPE_CHECKING:
    from aws_sagemaker_server import Server

TRAIN = """
import argparse, json, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
args = parser.parse_args()
channel = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"])
files = sorted(str(p.relative_to(channel)) for p in channel.rglob("*") if p.is_file())
print(f"train:loss=0.5; files={files}")
kept = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
model = pathlib.Path(os.environ["SM_MODEL_DIR"])
(model / "deep").mkdir()
(model / "deep" / "weights").write_text(str(args.epochs))
(model / "model.json").write_text(json.dumps({"files": files, "credentials": sorted(kept)}))
(pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"]) / "notes.txt").write_text("kept")
"""
LONG = """
import os, pathlib, signal, sys, time
folder = pathlib.Path(os.environ["SM_MODEL_DIR"]).parent / "checkpoints"
done = int((folder / "step").read_text()) if (folder / "step").exists() else 0
print(f"begins at {done}", flush=True)
def stop(*_):
    (folder / "step").write_text("7")
    print("saved 7", flush=True)
    sys.exit(143)
signal.signal(signal.SIGTERM, stop)
if done:
    (pathlib.Path(os.environ["SM_MODEL_DIR"]) / "model.json").write_text(str(done))
    sys.exit(0)
(folder / "started").write_text("")
while True:
    time.sleep(0.05)
"""
_numbers = itertools.count(1)


def name() -> str:
    return f"workbench-{next(_numbers)}"


def metrics(aws: Server, metric: str) -> float:
    """Sum of what the machines of this name have reported."""
    found = aws.cloudwatch.list_metrics(Namespace="Slipway/Workbench", MetricName=metric)["Metrics"]
    return float(len([one for one in found if one["Dimensions"] == [{"Name": "Workbench", "Value": NAME}]]))


def log(aws: Server, job: str) -> list[str]:
    return [text for _, text in Follower(aws.logs, job, GROUP).lines()]


def test_a_workbench_leaves_what_a_training_job_leaves(aws: Server, tmp_path: Path) -> None:
    here, there = (request(aws, name(), TRAIN) for _ in range(2))
    aws.sagemaker.create_training_job(**there)

    code, said = ended(boot(aws, tmp_path, leave(aws, here)))
    assert code == 0, said
    assert job_ended(aws, there["TrainingJobName"])["TrainingJobStatus"] == "Completed"

    for archive in ("model.tar.gz", "output.tar.gz"):
        mine, theirs = (listed(aws, f"w/artifacts/{one['TrainingJobName']}/output/{archive}") for one in (here, there))
        assert mine == theirs
    assert listed(aws, f"w/artifacts/{here['TrainingJobName']}/output/model.tar.gz") == ["deep/weights", "model.json"]
    record = read(aws, f"w/artifacts/{here['TrainingJobName']}/workbench.json")
    assert (record["status"], record["reason"]) == ("Completed", "")
    assert "train:loss=0.5; files=['a.csv', 'deep/b.csv']" in log(aws, here["TrainingJobName"])
    assert metrics(aws, "Working") == metrics(aws, "Done") == 1
    assert "AWS_" not in (tmp_path / "opt" / "ml" / "model" / "model.json").read_text(encoding="utf-8")


def test_a_job_that_has_ended_is_not_run_again(aws: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = request(aws, name(), TRAIN)
    place = leave(aws, asked)
    aws.put(f"w/artifacts/{asked['TrainingJobName']}/workbench.json", b'{"status": "Completed"}')

    assert booted(aws, tmp_path, place, monkeypatch) == 0
    assert not (tmp_path / "opt").exists()


def test_an_interrupted_job_goes_on_on_another_machine(
    aws: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = request(aws, name(), LONG)
    place = leave(aws, asked)
    with metadata() as service:
        first = boot(aws, tmp_path / "1", place, AWS_EC2_METADATA_SERVICE_ENDPOINT=service.address)
        seen(tmp_path / "1" / "opt" / "ml" / "checkpoints" / "started")
        service.interrupted = True
        code, said = ended(first)
    assert code == 3, said
    assert "saved 7" in said.splitlines()
    assert not aws.s3.list_objects_v2(Bucket="slipway-test", Prefix=f"w/artifacts/{asked['TrainingJobName']}/").get(
        "Contents"
    ), "nothing ended, nothing is left"

    assert booted(aws, tmp_path, place, monkeypatch) == 0

    said = log(aws, asked["TrainingJobName"])
    assert "workbench: goes on from 2 files of checkpoints" in said
    assert "begins at 7" in said
    assert listed(aws, f"w/artifacts/{asked['TrainingJobName']}/output/model.tar.gz") == ["model.json"]


def test_a_job_ends_with_its_longest_runtime(aws: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = request(aws, name(), LONG, StoppingCondition={"MaxRuntimeInSeconds": 1})

    assert booted(aws, tmp_path, leave(aws, asked), monkeypatch) == 0

    record = read(aws, f"w/artifacts/{asked['TrainingJobName']}/workbench.json")
    assert (record["status"], record["reason"]) == ("Stopped", "MaxRuntimeExceeded")


SOME: list[tuple[str, dict[str, Any], str]] = [
    ("raise SystemExit(4)", {}, "exit code 4: the log says why"),
    (TRAIN, {"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2}}, "several instances"),
]


@pytest.mark.parametrize(("script", "changes", "reason"), SOME, ids=["program", "instances"])
def test_what_fails_is_written_down_and_the_machine_asks_to_be_switched_off(
    script: str,
    changes: dict[str, Any],
    reason: str,
    aws: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = request(aws, name(), script, **changes)

    assert booted(aws, tmp_path, leave(aws, asked), monkeypatch) == 0

    record = read(aws, f"w/artifacts/{asked['TrainingJobName']}/workbench.json")
    assert record["status"] == "Failed"
    assert reason in record["reason"]
    assert "model.tar.gz" not in " ".join(record["artifacts"])


@pytest.mark.slow  # trains
def test_vehicles_own_program_leaves_the_same_files_on_both(aws: Server, tmp_path: Path) -> None:
    workload = spec.load("vehicles")
    dataset = tmp_path / "dataset"
    staged = [sys.executable, "-m", "training.data", "stage", "--workload", "vehicles", "--per-class", "20"]
    subprocess.run([*staged, "--out", str(dataset)], cwd=ROOT, check=True, capture_output=True)
    for path in sorted(dataset.rglob("*.png")):
        aws.put(f"vehicles/dataset/{path.relative_to(dataset).as_posix()}", path.read_bytes())
    package.write(workload, tmp_path / "sourcedir.tar.gz")
    code = aws.put("vehicles/code/0/sourcedir.tar.gz", (tmp_path / "sourcedir.tar.gz").read_bytes())
    uris = {channel: f"s3://slipway-test/vehicles/dataset/{channel}/" for channel in workload.data.channels}
    channels = [
        {"ChannelName": one, "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}
        for one, uri in (uris | {"code": code}).items()
    ]
    given = spec.hyperparameter_strings(workload, {"epochs": 2})

    def asked() -> dict[str, Any]:
        made = request(aws, name(), "", InputDataConfig=channels)
        return made | {"HyperParameters": given | made["HyperParameters"] | {"epochs": "2"}}

    here, there = asked(), asked()
    aws.sagemaker.create_training_job(**there)
    assert job_ended(aws, there["TrainingJobName"], DEADLINE_S)["TrainingJobStatus"] == "Completed"

    exit_code, said = ended(boot(aws, tmp_path, leave(aws, here)))

    assert exit_code == 0, said
    for archive in ("model.tar.gz", "output.tar.gz"):
        mine, theirs = (listed(aws, f"w/artifacts/{one['TrainingJobName']}/output/{archive}") for one in (here, there))
        assert [one for one in mine if "tfevents" not in one] == [one for one in theirs if "tfevents" not in one]
        assert len(mine) == len(theirs) > 1
