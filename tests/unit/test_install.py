"""Set-up: a run that was cut short is begun anew, one that failed in order goes on, and neither counts as ready."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from requirements import install


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of an environment, with a stand-in for the slow making of one."""

    def create(_builder: object, path: Path) -> None:
        (path / "bin").mkdir()
        (path / "bin" / "python").symlink_to(sys.executable)

    monkeypatch.setitem(install.FOLDERS, "main", tmp_path / "venv")
    monkeypatch.setattr("venv.EnvBuilder.create", create)
    monkeypatch.setattr(install, "runs", Path.exists)
    return tmp_path / "venv"


def ends_with(error: BaseException | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What filling the environment comes to, after its first package."""

    def fill(_environment: str, folder: Path) -> None:
        (folder / "package").touch()
        if error:
            raise error

    monkeypatch.setattr(install, "fill", fill)


def test_a_finished_run_is_ready_and_gone_on_with(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends_with(None, monkeypatch)
    assert install.main([]) == 0
    assert (folder / install.READY).exists()
    (folder / "mine").touch()
    assert install.main([]) == 0
    assert (folder / "mine").exists()


def test_an_interrupted_run_is_begun_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given an installer that was killed in the middle of a package, then what it left is not trusted."""
    ends_with(KeyboardInterrupt(), monkeypatch)
    assert install.main([]) == 130
    assert not (folder / install.READY).exists()
    (folder / "half a package").touch()
    ends_with(None, monkeypatch)
    assert install.main([]) == 0
    assert not (folder / "half a package").exists()
    assert (folder / install.READY).exists()


def test_a_run_that_failed_keeps_what_it_has(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ends_with(install.SetupError("the index does not answer: name another"), monkeypatch)
    assert install.main([]) == 1
    assert "setup failed: the index does not answer: name another" in capsys.readouterr().err
    assert not (folder / install.READY).exists()
    (folder / "mine").touch()
    ends_with(None, monkeypatch)
    assert install.main([]) == 0
    assert (folder / "mine").exists()


def test_an_environment_without_pip_is_not_usable(tmp_path: Path) -> None:
    """Given an environment whose making was interrupted before pip came, then it is made again."""
    assert install.runs(Path(sys.executable))
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -I "$@"\n')
    python.chmod(0o755)
    assert not install.runs(python)


def test_an_unknown_environment_names_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert install.main(["polices"]) == 2
    assert "got 'polices'; expected one of: main, policies" in capsys.readouterr().err
