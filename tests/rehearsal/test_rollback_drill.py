"""A bad model under load is turned back by its alarm, no request is lost, and `make rollback` goes back."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from terraform.command import ROOT

pytestmark = [pytest.mark.provider, pytest.mark.slow, pytest.mark.usefixtures("terraform_environment")]

DEADLINE_S = 900


@pytest.fixture(scope="module")
def drilled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("drill")
    command = [sys.executable, "-m", "rehearsal.drill", "--out", str(out)]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    result = out / "drill.json"
    return {
        "finished": finished,
        "out": out,
        "result": json.loads(result.read_text()) if result.exists() else {},
    }


def test_the_drill_passes(drilled: dict[str, Any]) -> None:
    finished = drilled["finished"]
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert drilled["result"]["faults"] == []
    assert re.search(r"^drill +passed .+ none lost;", finished.stdout, re.MULTILINE)


def test_every_request_was_answered_and_only_the_canary_failed_some(drilled: dict[str, Any]) -> None:
    facts = drilled["result"]["facts"]
    assert facts["asked"] > 1000
    assert facts["lost"] == 0
    assert facts["good"] + facts["refused_by_the_bad_model"] == facts["asked"]
    assert 0 < facts["refused_by_the_bad_model"] < facts["asked"] / 20


def test_the_report_is_one_file_that_names_the_rollback(drilled: dict[str, Any]) -> None:
    page = Path(drilled["out"] / "drill.html").read_text()
    assert "SageMaker rolled the update back" in page
    assert not re.search(r"""(?:src|href)=["']https?:""", page)
