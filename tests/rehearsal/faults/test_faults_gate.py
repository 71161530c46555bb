"""The gate of load tests tells the truth: Locust itself, over an endpoint that is well and over one that is not."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from rehearsal.faults import model
from terraform.command import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from rehearsal.faults.world import World

OBJECTIVE = ("--slo-p95-ms", "600", "--slo-failures", "0.01")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "broken"),
    [
        (None, set()),
        ({"kind": "fail-model", "status": 500, "share": 0.2}, {"failures"}),
        ({"kind": "throttle", "share": 0.2}, {"failures"}),
        ({"kind": "slow-model", "delay_s": 0.8, "share": 0.2}, {"p95_ms"}),
    ],
    ids=["nothing", "errors", "throttling", "delay"],
)
def test_the_exit_code_and_the_named_figure_are_those_of_the_fault(
    furnished: World, tmp_path: Path, fault: dict[str, Any] | None, broken: set[str]
) -> None:
    for colour in model.CLASSES:
        (tmp_path / f"{colour}.png").write_bytes(model.picture(colour))
    with furnished.endpoint() as name, contextlib.ExitStack() as stack:
        struck = stack.enter_context(furnished.aws.fault(**fault, endpoint=name, seconds=120.0)) if fault else {}
        command = [sys.executable, "-m", "loadtest.run", "--endpoint", name, "--images", str(tmp_path)]
        command += ["--rate", "30", "--seconds", "8", "--warmup", "4", "--out", str(tmp_path / "out"), *OBJECTIVE]
        ended = subprocess.run(
            command, cwd=ROOT, env=furnished.aws.env(), capture_output=True, text=True, timeout=120, check=False
        )
    assert ended.returncode == (1 if broken else 0), ended.stderr
    measured = json.loads((tmp_path / "out" / "load.json").read_text())
    assert {check["name"] for check in measured["slo"]["checks"] if not check["passed"]} == broken
    assert all(name in ended.stdout for name in broken)
    assert measured["requests"] > 100
    if broken == {"failures"}:
        assert 0 < measured["failures"] <= struck["struck"]
    else:
        assert measured["failures"] == 0
