"""An embedded AWS with tiny images of its own, in a process of its own, for the SageMaker tests."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SPEED = 120.0
ACCOUNT, REGION = "123456789012", "eu-west-1"
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
TRAINING_IMAGE = f"{REGISTRY}/slipway-test/training:1"
SERVING_IMAGE = f"{REGISTRY}/slipway-test/echo:1"
BUCKET = "slipway-test"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/sagemaker"

_MAIN = """
import sys
from pathlib import Path
from rehearsal.aws.sagemaker import images, settings
from rehearsal.aws.server import serve
root = Path(sys.argv[1])
images.KNOWN["echo"] = images.Image("serving", (sys.executable, str(root / "echo.py")))
settings.START_SECONDS = 3.0
serve(root / "aws", speed=float(sys.argv[2]), stop_with_parent=True, iam=sys.argv[3])
"""

ECHO = '''
"""A model server that does what its model.json says."""
import json, os, pathlib, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

model = json.loads((pathlib.Path(os.environ["SM_MODEL_DIR"]) / "model.json").read_text())
print("serving", model.get("name"), flush=True)

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(body), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(model.get("ping", 200), b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if body == b"die":
            os._exit(3)
        if body == b"fail":
            return self.answer(model.get("status", 500), b"no such thing")
        if body == b"slow":
            time.sleep(0.5)
        if body[:4] == b"\\x89PNG":
            return self.answer(200, body, Content_Type="image/png")
        attributes = self.headers.get("X-Amzn-SageMaker-Custom-Attributes") or "none"
        self.answer(200, json.dumps({
            "model": model.get("name"), "pid": os.getpid(), "size": len(body), "text": body.decode(),
            "accept": self.headers["Accept"], "type": self.headers["Content-Type"],
            "env": {k: v for k, v in os.environ.items() if k.startswith(("AWS_", "SECRET", "GREETING"))},
        }).encode(), X_Amzn_SageMaker_Custom_Attributes=attributes)

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
'''


class Server:
    """Clients of the running embedded AWS and the fixtures that jobs and endpoints need."""

    def __init__(self, endpoint: str, root: Path) -> None:
        self.endpoint, self.root = endpoint, root
        self.sagemaker, self.runtime, self.s3 = (self.client(n) for n in ("sagemaker", "sagemaker-runtime", "s3"))
        self.logs, self.cloudwatch = self.client("logs"), self.client("cloudwatch")

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )

    def put(self, key: str, body: bytes) -> str:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def put_tar(self, key: str, files: dict[str, str | bytes]) -> str:
        return self.put(key, tar_of(files))

    def log_lines(self, group: str, prefix: str) -> list[str]:
        streams = self.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)["logStreams"]
        return [
            event["message"]
            for stream in streams
            for event in self.logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
        ]


def tar_of(files: dict[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def wait_until(fact: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Return the first true value of ``fact``; fail with its last value when time runs out."""
    deadline = time.monotonic() + seconds
    while not (value := fact()):
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds} s: {value!r}")
        time.sleep(0.02)
    return value


@contextlib.contextmanager
def running(root: Path, iam: str = "off") -> Iterator[Server]:
    """Start a server with a bucket and a role that SageMaker may assume; stop it in order."""
    (root / "echo.py").write_text(ECHO)
    (root / "main.py").write_text(_MAIN)
    process = subprocess.Popen(
        [sys.executable, str(root / "main.py"), str(root), str(SPEED), iam],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(Path(__file__).resolve().parents[3]),
            "SECRET_OF_THE_HOST": "leaked",
        },
    )
    try:
        ready = json.loads(process.stdout.readline())
        server = Server(ready["endpoint"], root)
        server.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        server.client("iam").create_role(
            RoleName="sagemaker",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )
        yield server
    finally:
        process.stdin.close()
        try:
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()


@pytest.fixture(scope="session", name="aws")
def aws_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("aws")) as server:
        yield server


@pytest.fixture(scope="session", name="enforcing")
def enforcing_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("enforcing"), "enforce") as server:
        yield server
