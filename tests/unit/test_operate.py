"""`make plan|apply|destroy`: bad environments are refused, and nothing is applied without its name."""

from __future__ import annotations

import sys

import pytest

from terraform import operate
from terraform.command import TerraformError


@pytest.mark.parametrize("name", ["", "production", "../dev"])
def test_an_unknown_environment_names_the_known_ones(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert operate.main(["plan", name]) == 2
    assert f"ENV: got {name!r}; expected one of: dev, prod, staging" in capsys.readouterr().err


def test_the_rehearsal_environment_points_to_its_own_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert operate.main(["apply", "rehearsal"]) == 2
    assert "make rehearse" in capsys.readouterr().err


@pytest.mark.parametrize("answer", [None, "", "yes", "staging"])
def test_anything_but_the_name_changes_nothing(answer: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr(operate, "show_terraform", lambda arguments, *_: calls.append(arguments))
    monkeypatch.setattr(operate, "terraform_env", dict)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    monkeypatch.delenv("CONFIRM", raising=False)
    if answer is not None:
        monkeypatch.setenv("CONFIRM", answer)
    with pytest.raises(TerraformError, match="nothing was changed: apply prod was not confirmed"):
        operate.operate("apply", "prod")
    assert [call[0] for call in calls] == ["init", "plan"]


def test_apply_takes_exactly_the_plan_that_was_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr(operate, "show_terraform", lambda arguments, *_: calls.append(arguments))
    monkeypatch.setattr(operate, "terraform_env", dict)
    monkeypatch.setenv("CONFIRM", "dev")
    operate.operate("destroy", "dev")
    planned = next(a for a in calls[1] if a.startswith("-out=")).removeprefix("-out=")
    assert "-destroy" in calls[1]
    assert calls[2] == ["apply", planned]
