"""A bad model under load is turned back by its alarm, no request is lost, and `make rollback` goes back."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.actors import actor
from rehearsal.drill import root
from rehearsal.drill.artefacts import picture
from rehearsal.drill.load import GOOD, LOST, Load
from rehearsal.drill.root import SmallRoot
from terraform.command import ROOT
from terraform.live.observed import alarms_ringing, rollback_alarms

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


@pytest.fixture
def small_root(tmp_path: Path) -> Iterator[SmallRoot]:
    run = root.begin(tmp_path, speed=20)
    try:
        environment = SmallRoot(run)
        environment.prepare()
        yield environment
    finally:
        run.embedded.stop()


def test_a_model_whose_alarm_rings_can_be_left_and_the_next_rollout_is_watched_again(small_root: SmallRoot) -> None:
    """Given a bad model that went live while nobody asked, when its alarm rings on, then `make rollback` leaves it.

    The rollout away from it takes all traffic at once and its alarm does not turn it back; a further apply is watched.
    """
    told: list[str] = []
    name, begun = f"{root.NAME}-{root.WORKLOAD}", time.monotonic()
    small_root.promote({root.WORKLOAD: root.publish(small_root.run, "1", good=True)}, told.append)
    small_root.promote({root.WORKLOAD: root.publish(small_root.run, "2", good=False)}, told.append)
    with Load(actor(small_root.run, "operator"), name, picture(), rate=20, begun=begun) as load:
        wait_until(lambda: "5xx" in " ".join(alarms_ringing([f"{name}-5xx"], actor(small_root.run, "deploy"))))
        applied = small_root.rollback(root.WORKLOAD, told.append)
        back = time.monotonic() - begun
        wait_until(lambda: sum(asked.due > back for asked in load.asked) >= 40)
    assert "serves version 1" in applied.live
    assert any("rings on: this rollout takes all traffic at once" in line for line in told)
    assert rollback_alarms(name, actor(small_root.run, "deploy")) == [f"{name}-capacity"]
    assert {(asked.fate, asked.version) for asked in load.asked if asked.due > back} == {(GOOD, "1")}
    assert not [asked for asked in load.asked if asked.fate == LOST]

    small_root.apply(told.append)
    assert len(rollback_alarms(name, actor(small_root.run, "deploy"))) == 2
    assert small_root.plan_is_empty(), small_root.planned_changes()


def wait_until(fact: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not fact():
        assert time.monotonic() < deadline, "not within 60 s"
        time.sleep(0.1)
