"""The rehearsal itself, short: real Terraform, provider, training, endpoint, workflow and load, to the last stage."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from rehearsal.stages import stages_of
from terraform.command import ROOT
from training.workloads import spec

DEADLINE_S = 540


def processes_of(folder: Path) -> list[str]:
    """Command lines of processes that work in a run's folder."""
    found = []
    for process in psutil.process_iter():
        try:
            command, cwd = process.cmdline(), process.cwd()
        except psutil.Error:
            continue
        if process.pid != os.getpid() and (str(folder) in " ".join(command) or cwd.startswith(str(folder))):
            found.append(" ".join(command))
    return found


def git_status() -> str:
    command = ["git", "status", "--porcelain", "--untracked-files=all"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("rehearsal") / "run"
    before = git_status()
    command = [
        sys.executable,
        "-m",
        "rehearsal",
        "run",
        "--folder",
        str(folder),
        "--images",
        "20",
        "--load-seconds",
        "4",
    ]
    finished = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, env=os.environ | {"CI": "1"}, check=False
    )
    records = [json.loads(path.read_text()) for path in sorted((folder / "stages").glob("*.json"))]
    return {
        "folder": folder,
        "finished": finished,
        "stages": {record["name"]: record for record in records},
        "changed": (before, git_status()),
    }


pytestmark = [pytest.mark.provider, pytest.mark.usefixtures("terraform_environment")]


def test_it_passes_and_says_so_in_its_last_line(rehearsed: dict[str, Any]) -> None:
    finished = rehearsed["finished"]
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert finished.stdout.splitlines()[-1] == "rehearsal passed"
    for name in stages_of(spec.load("vehicles")):
        assert re.search(rf"^{name} +passed +\d+\.\d s   \S", finished.stdout, re.MULTILINE), name


def test_every_input_stands_once_in_the_manifest(rehearsed: dict[str, Any]) -> None:
    items = rehearsed["stages"]["classify"]["data"]["items"]
    keys = Counter(item["key"] for item in items)
    assert len(items) >= 20
    assert set(keys.values()) == {1}
    assert {item["status"] for item in items} == {"classified", "for_review", "failed"}


def test_the_truncated_image_failed_alone_and_was_told(rehearsed: dict[str, Any]) -> None:
    data = rehearsed["stages"]["classify"]["data"]
    failed = [item for item in data["items"] if item["status"] == "failed"]
    assert [Path(item["key"]).name for item in failed] == ["poisoned.png"]
    assert failed[0]["error"] == "TruncatedImage"
    assert any("poisoned.png" in message for message in data["notifications"])


def test_below_the_threshold_means_for_review(rehearsed: dict[str, Any]) -> None:
    data = rehearsed["stages"]["classify"]["data"]
    judged = [item for item in data["items"] if item["status"] != "failed"]
    for item in judged:
        assert (item["probability"] >= data["threshold"]) == (item["status"] == "classified"), item


def test_the_job_ran_in_the_whole_envelope(rehearsed: dict[str, Any]) -> None:
    envelope = rehearsed["stages"]["train"]["data"]["envelope"]
    assert envelope["vpc"] is True
    assert envelope["network_isolation"] is True
    assert envelope["inter_container_encryption"] is True
    assert envelope["output_key"].startswith("arn:aws:kms:")
    assert envelope["volume_key"].startswith("arn:aws:kms:")


def test_the_model_learned(rehearsed: dict[str, Any]) -> None:
    metrics = rehearsed["stages"]["train"]["data"]["metrics"]
    assert metrics["test:accuracy"] >= 0.9


def test_no_load_was_refused(rehearsed: dict[str, Any]) -> None:
    data = rehearsed["stages"]["load"]["data"]
    assert data["requests"] > 50
    assert data["failures"] == 0


def test_nothing_is_left_in_the_account_on_the_machine_or_in_git(rehearsed: dict[str, Any]) -> None:
    assert rehearsed["stages"]["destroy"]["data"]["left"] == []
    assert processes_of(rehearsed["folder"]) == []
    before, after = rehearsed["changed"]
    assert after == before


def test_the_report_is_one_file(rehearsed: dict[str, Any]) -> None:
    page = (rehearsed["folder"] / "report.html").read_text()
    assert "synthetic" in page
    assert not re.search(r"""(?:src|href)=["']https?:""", page)


def test_an_interrupt_leaves_no_process_and_the_folder_usable(tmp_path: Path) -> None:
    """Given a rehearsal in the middle of apply, when it gets Ctrl-C, then it ends with 130 and everything has ended."""
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "rehearsal", "run", "--folder", str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline = time.monotonic() + 180
    calls = folder / "aws" / "calls.jsonl"
    while not (calls.exists() and '"CreateVpc"' in calls.read_text()):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, "apply had not begun after 180 s"
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 130, output
    assert "everything it started has ended" in output
    assert processes_of(tmp_path) == []
    assert json.loads((folder / "run.json").read_text())["result"] == "interrupted"
    state = json.loads((folder / "terraform" / "terraform.tfstate").read_text())
    assert "aws_vpc" in {resource["type"] for resource in state["resources"]}, "Terraform lost what it had made"


def test_production_can_be_planned_without_an_account(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rehearsal", "plan", "prod", "--folder", str(tmp_path / "run")]
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    finished = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=180, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert re.search(r"^ +1  aws_sagemaker_endpoint$", finished.stdout, re.MULTILINE)
    assert re.search(r"Plan: 1\d\d to add, 0 to change, 0 to destroy", finished.stdout)
    assert processes_of(tmp_path) == []
