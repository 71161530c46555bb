"""`python -m loadtest` against an endpoint of the embedded AWS: verdict, knee, target and report from one command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aws_sagemaker_server import ACCOUNT, REGION, Server
from test_aws_sagemaker_endpoint import config, endpoint, model

ROOT = Path(__file__).resolve().parents[3]
NAME = "slipway-rehearsal-vehicles"
STAGED = f"slipway-rehearsal-{ACCOUNT}-data"
# Seconds instead of minutes: the numbers mean nothing here, only what is made of them.
QUICK = ("--warmup", "0", "--step-seconds", "2", "--settle", "0.5", "--steps", "3", "--min-requests", "5")


@pytest.fixture(scope="module")
def loaded(aws: Server) -> Server:
    """An endpoint that takes half a second for each picture, so that no generator is too slow for it, and pictures."""
    model(aws, "loaded")
    assert endpoint(aws, NAME, config(aws, "loaded"))["EndpointStatus"] == "InService"
    aws.s3.create_bucket(Bucket=STAGED, CreateBucketConfiguration={"LocationConstraint": REGION})
    for name in ("bicycle/1.png", "bicycle/2.PNG", "test.lst"):
        aws.s3.put_object(Bucket=STAGED, Key=f"vehicles/dataset/test/{name}", Body=b"slow")
    return aws


def call(server: Server, out: Path, *arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env |= {"AWS_ENDPOINT_URL": server.endpoint, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"} | changed
    command = [sys.executable, "-m", "loadtest", "--env", "rehearsal", "--out", str(out), *arguments, "--", *QUICK]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
def test_a_broken_objective_fails_and_is_reported(loaded: Server, tmp_path: Path) -> None:
    # given figures of an earlier test, which must not be taken for those of this one
    (tmp_path / "capacity.json").write_text("{}")
    ended = call(loaded, tmp_path, "--slo-p95-ms", "0.01")
    assert ended.returncode == 1, ended.stderr
    assert "verdict: objective BROKEN" in ended.stdout
    assert "knee:    unknown" in ended.stdout
    assert "already the least load, 1 user, breaks the objective" in ended.stderr
    assert not (tmp_path / "capacity.json").exists()
    page = (tmp_path / "report.html").read_text()
    assert "<h1>Objective broken</h1>" in page


@pytest.mark.slow
def test_a_kept_objective_ends_with_knee_target_and_report(loaded: Server, tmp_path: Path) -> None:
    ended = call(loaded, tmp_path, "--slo-p95-ms", "5000")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    document: dict[str, Any] = json.loads((tmp_path / "capacity.json").read_text())
    assert "verdict: objective kept" in ended.stdout
    # a server with a thread per request is never full: three steps give a lower bound
    assert ", at least: the test ended before it" in ended.stdout
    assert f"target:  {document['target']:,} invocations" in ended.stdout
    assert document["target"] == int(document["knee"]["rps"] * 30)
    # a rehearsal's instance is a process of this machine: its settings are shown, and bind nobody
    assert document["binding"] is False
    assert "for information only" in ended.stderr
    assert "<h1>Objective kept</h1>" in (tmp_path / "report.html").read_text()
    assert {sample["instances"] for sample in json.loads((tmp_path / "load.json").read_text())["samples"]} <= {1, None}


def test_nothing_is_sent_to_an_account_that_was_not_meant(aws: Server, tmp_path: Path) -> None:
    refused = call(aws, tmp_path, "--env", "dev")
    assert refused.returncode == 2
    assert f"account = '{ACCOUNT}'" in refused.stderr
    assert "sign in to account 111122223333 (dev)" in refused.stderr
    assert not (tmp_path / "load.json").exists()
