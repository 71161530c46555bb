"""`python -m loadtest` as a whole, without a generator: what it makes of a measurement, and what it returns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loadtest import __main__ as command
from loadtest.errors import LoadUsageError
from tests.browser.load_folder import make_load, write


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A generator that leaves the stairs of tests/browser, with changes, and an exit status."""
    told: dict[str, Any] = {"status": 0, "facts": {}, "arguments": []}

    def run(arguments: list[str]) -> int:
        told["arguments"] = arguments
        result = make_load(tmp_path)
        (tmp_path / "capacity.json").unlink()
        write(result, {**json.loads(result.read_text()), **told["facts"]})
        return int(told["status"])

    monkeypatch.setattr(command.run, "main", run)
    monkeypatch.setattr(command, "session", lambda _: None)
    return told


def call(folder: Path, *more: str, env: str = "dev") -> int:
    return command.main(["--env", env, "--out", str(folder), "--images", str(folder), *more])


def test_settings_that_disagree_fail_a_kept_objective(
    measured: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measured["facts"] = {"target": "slipway-dev-vehicles"}
    assert call(tmp_path) == 1
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said[-4:]] == ["verdict:", "knee:", "target:", "report:"]
    assert said[-4] == "verdict: objective kept"
    # in the rehearsal they bind nobody
    measured["facts"] = {"target": "slipway-rehearsal-vehicles"}
    assert call(tmp_path, env="rehearsal") == 0
    # and a broken objective comes first, wherever
    measured["status"] = 1
    assert call(tmp_path, env="rehearsal") == 1


def test_what_will_not_be_written_is_reported_all_the_same(
    measured: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given a test that ended before the knee
    measured["facts"] = {"target": "slipway-dev-vehicles", "stopped": "generator"}
    assert call(tmp_path, "--write") == 2
    told = capsys.readouterr()
    assert "lower bound" in told.err
    assert ", at least: the test ended before it" in told.out
    assert (tmp_path / "report.html").exists()


def test_the_generator_gets_the_workloads_objective_and_what_follows_the_dashes(
    measured: dict[str, Any], tmp_path: Path
) -> None:
    call(tmp_path, "--", "--rate", "5")
    arguments = measured["arguments"]
    assert arguments[arguments.index("--slo-p95-ms") + 1] == "100.0"
    assert arguments[arguments.index("--slo-failures") + 1] == "0.001"
    assert arguments[-2:] == ["--rate", "5"]
    assert "--users" not in arguments
    call(tmp_path, "--slo-p95-ms", "7")
    assert measured["arguments"][measured["arguments"].index("--slo-p95-ms") + 1] == "7.0"
    assert "--users" in measured["arguments"]


def test_production_and_strangers_accounts_are_refused(
    measured: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for env, said in (("prod", "give --production"), ("mars", "name one of dev, prod")):
        with pytest.raises(SystemExit) as ended:
            call(tmp_path, env=env)
        assert ended.value.code == 2
        assert said in capsys.readouterr().err
    assert measured["arguments"] == []

    def strangers(_: Any) -> None:
        raise LoadUsageError("account", "1", "sign in to account 2")

    monkeypatch.setattr(command, "session", strangers)
    with pytest.raises(SystemExit):
        call(tmp_path)
    assert measured["arguments"] == []
