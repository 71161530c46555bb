"""A machine that boots as a workbench does: the module's own script, below a folder, against the embedded AWS."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_sagemaker_server import BUCKET, ROLE, TRAINING_IMAGE

from training.jobs.workbench import pack
from training.jobs.workbench.agent import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest
    from aws_sagemaker_server import Server

ROOT = Path(__file__).resolve().parents[3]
BOOT = ROOT / "terraform" / "modules" / "workbench" / "boot.sh"
GROUP, NAME = "/slipway/workbench/test", "test-workbench"
DEADLINE_S = 300.0


class Metadata(ThreadingHTTPServer):
    """An instance metadata service that takes tokens only, and says when it is told to that the capacity goes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.interrupted = False
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Metadata

    def do_PUT(self) -> None:
        self._answer(200, "token")

    def do_GET(self) -> None:
        if self.headers.get("X-aws-ec2-metadata-token") != "token":
            self._answer(401, "")
        elif self.server.interrupted:
            self._answer(200, '{"action": "terminate", "time": "2026-01-01T00:00:00Z"}')
        else:
            self._answer(404, "")

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def metadata() -> Iterator[Metadata]:
    server = Metadata()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def request(server: Server, name: str, script: str, **changes: Any) -> dict[str, Any]:
    """A job that any of the two can run: its code comes through a channel."""
    code = server.put_tar(f"w/code/{name}/sourcedir.tar.gz", {"train.py": script})
    server.put(f"w/dataset/{name}/train/a.csv", b"1,2")
    server.put(f"w/dataset/{name}/train/deep/b.csv", b"3,4")
    uris = {"train": f"s3://{BUCKET}/w/dataset/{name}/train/", "code": code}
    return {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": TRAINING_IMAGE, "TrainingInputMode": "File"},
        "HyperParameters": {
            "epochs": "2",
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": "/opt/ml/input/data/code/sourcedir.tar.gz",
        },
        "InputDataConfig": [
            {
                "ChannelName": channel,
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}},
            }
            for channel, uri in uris.items()
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/w/artifacts"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        "CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/w/checkpoints/{name}"},
        **changes,
    }


def leave(server: Server, asked: dict[str, Any], runner: str = "process") -> str:
    """Put a job where a workbench looks for it; returns the place."""
    place = f"w/code/workbench-{asked['TrainingJobName']}"
    server.put(f"{place}/agent.pyz", pack.agent())
    server.put(f"{place}/job.json", json.dumps({"request": asked, "runner": runner}).encode())
    with contextlib.suppress(server.logs.exceptions.ResourceAlreadyExistsException):
        server.logs.create_log_group(logGroupName=GROUP)
    return f"s3://{BUCKET}/{place}"


def settings(server: Server, folder: Path, place: str) -> dict[str, str]:
    """What Terraform writes in front of the script, and what tells the embedded AWS from the real one."""
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1",
        "OMP_NUM_THREADS": "1",
        "WORKBENCH_FOREGROUND": "yes",
        "WORKBENCH_HOME": str(folder / "home"),
        "WORKBENCH_JOB": place,
        "WORKBENCH_LOG_GROUP": GROUP,
        "WORKBENCH_NAME": NAME,
        "WORKBENCH_PYTHON": sys.executable,
        "WORKBENCH_ROOT": str(folder / "opt" / "ml"),
    }


def boot(server: Server, folder: Path, place: str, **environment: str) -> subprocess.Popen[str]:
    """Start a machine."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return subprocess.Popen(
        ["bash", str(BOOT)],
        env=kept | settings(server, folder, place) | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(machine: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and what the machine has said."""
    said, _ = machine.communicate(timeout=DEADLINE_S)
    return machine.returncode, said


def booted(server: Server, folder: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """What the service on a machine does, in this process, which saves starting another; its exit code."""
    for name, value in settings(server, folder, place).items():
        monkeypatch.setenv(name, value)
    (folder / "agent.pyz").write_bytes(pack.agent())
    monkeypatch.setattr(sys, "argv", [str(folder / "agent.pyz"), "run"])
    before = signal.getsignal(signal.SIGTERM)
    try:
        return run.main()
    finally:
        signal.signal(signal.SIGTERM, before)


def seen(path: Path) -> None:
    """Wait for a file."""
    deadline = time.monotonic() + DEADLINE_S
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.02)


def listed(server: Server, key: str) -> list[str]:
    """Names in an archive in S3."""
    body = server.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as archive:
        return sorted(member.name for member in archive if member.isfile())


def read(server: Server, key: str) -> Any:
    return json.loads(server.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
