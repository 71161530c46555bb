"""The model server itself with a full queue: refusals say when to come again, and stop with the crowd."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import time
from typing import TYPE_CHECKING

import pytest

from rehearsal.aws.sagemaker import ports
from rehearsal.faults import model
from rehearsal.faults.load import Load, kinds, plain
from rehearsal.faults.world import awaited
from terraform.command import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    with tarfile.open(fileobj=io.BytesIO(model.archive(passes=2))) as archive:
        archive.extractall(tmp_path, filter="data")
    port = ports.free()
    settings = {"SM_MODEL_DIR": str(tmp_path), "SAGEMAKER_BIND_TO_PORT": str(port), "SERVING_WORKERS": "1"}
    crowded = {"SERVING_QUEUE": "2", "SERVING_BATCH": "1"}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "training.serving"],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **settings, **crowded},
            stdout=log,
            stderr=log,
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.slow
def test_a_full_queue_is_refused_with_retry_after_and_over_with_the_crowd(server: str) -> None:
    calls = [plain(server, "/invocations", model.picture("red"), {"Content-Type": "image/png"})]
    with Load(server, calls, users=1) as calm:
        awaited("the server is up", lambda: kinds(calm.answered)["ok"] >= 20, 30.0)
        with Load(server, calls, users=16, pause_s=0.0) as crowd:
            awaited("some are refused", lambda: kinds(crowd.answered)["503"] >= 50, 30.0)
            awaited("some are served", lambda: kinds(crowd.answered)["ok"] >= 20, 30.0)
        over = time.monotonic()
        awaited("all goes well again", lambda: sum(one.at > over for one in calm.answered) >= 20, 30.0)
    assert set(kinds(crowd.answered)) == {"ok", "503"}
    assert crowd.sent == len(crowd.answered)
    refused = [one for one in crowd.answered if one.kind == "503"]
    assert all(int(one.headers["retry-after"]) >= 1 for one in refused)
    assert {one.kind for one in calm.answered if one.at > over} == {"ok"}
