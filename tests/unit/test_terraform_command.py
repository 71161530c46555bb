"""Where the AWS provider is looked for, and what happens when Terraform fails or is missing."""

from __future__ import annotations

import os
import signal
import stat
import sys
import threading
import time
from pathlib import Path

import pytest

from terraform import command
from terraform.command import PROVIDER, TerraformError, find_mirror, run_terraform, show_terraform, terraform_env


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with no mirror, no own CLI configuration, and a scratch folder of its own."""
    monkeypatch.setattr(command, "SCRATCH", tmp_path / "scratch")
    monkeypatch.setattr(command, "mirror_folders", lambda: iter([]))
    monkeypatch.setattr(command, "own_cli_config", lambda: None)
    monkeypatch.delenv("TF_PLUGIN_DIR", raising=False)
    return tmp_path


def a_mirror(folder: Path) -> Path:
    (folder / PROVIDER).mkdir(parents=True)
    return folder


def test_an_explicit_mirror_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = a_mirror(tmp_path / "plugins")
    monkeypatch.setenv("TF_PLUGIN_DIR", str(mirror))
    assert find_mirror() == mirror


def test_an_explicit_folder_without_the_provider_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_PLUGIN_DIR", str(tmp_path))
    with pytest.raises(TerraformError, match=r"TF_PLUGIN_DIR: .* holds no registry\.terraform\.io/hashicorp/aws"):
        find_mirror()


def test_the_documented_folders_are_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_PLUGIN_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path / "share"))
    mirror = a_mirror(tmp_path / "share" / "terraform" / "plugins")
    assert find_mirror() == mirror


def test_the_configuration_names_the_mirror(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = a_mirror(nowhere / "plugins")
    monkeypatch.setattr(command, "mirror_folders", lambda: iter([mirror]))
    config = Path(terraform_env({})["TF_CLI_CONFIG_FILE"])
    assert str(mirror) in config.read_text()


def test_neither_mirror_nor_registry_names_both_remedies(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "registry_answers", lambda: False)
    with pytest.raises(TerraformError, match=r"registry\.terraform\.io does not answer.*TF_PLUGIN_DIR"):
        terraform_env({})


def test_with_a_registry_the_plugins_are_cached(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "registry_answers", lambda: True)
    assert "plugin_cache_dir" in Path(terraform_env({})["TF_CLI_CONFIG_FILE"]).read_text()


def test_a_persons_own_configuration_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "mine.tfrc"
    own.write_text("")
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(own))
    assert terraform_env({})["TF_CLI_CONFIG_FILE"] == str(own)


def test_a_named_configuration_that_is_not_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = a_mirror(tmp_path / "plugins")
    monkeypatch.setattr(command, "SCRATCH", tmp_path / "scratch")
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "nobody-made-it.tfrc"))
    monkeypatch.setenv("TF_PLUGIN_DIR", str(mirror))
    assert str(mirror) in Path(terraform_env({})["TF_CLI_CONFIG_FILE"]).read_text()


def test_a_named_mirror_wins_over_a_configuration_nobody_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".terraformrc").write_text("")
    mirror = a_mirror(tmp_path / "plugins")
    monkeypatch.setattr(command, "SCRATCH", tmp_path / "scratch")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("TF_CLI_CONFIG_FILE", raising=False)
    assert terraform_env({})["TF_CLI_CONFIG_FILE"] == str(tmp_path / ".terraformrc")
    monkeypatch.setenv("TF_PLUGIN_DIR", str(mirror))
    assert str(mirror) in Path(terraform_env({})["TF_CLI_CONFIG_FILE"]).read_text()


def test_no_terraform_at_all_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TerraformError, match="make setup"):
        command.terraform_path()


@pytest.fixture
def fake_terraform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a Python script in Terraform's place."""

    def make(script: str) -> None:
        program = tmp_path / "terraform"
        program.write_text(f"#!{sys.executable}\n{script}")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(command, "terraform_path", lambda: str(program))

    return make


def test_diagnostics_become_the_error(fake_terraform, tmp_path: Path) -> None:
    fake_terraform(
        "import json, sys\n"
        "print(json.dumps({'@level': 'error', 'diagnostic': {'summary': 'no such key', 'address': 'aws_x.y'}}))\n"
        "sys.exit(1)\n"
    )
    with pytest.raises(TerraformError, match=r"exit code 1:\nno such key\n  aws_x\.y"):
        run_terraform(["apply", "-json"], tmp_path, os.environ)


def test_an_accepted_exit_code_is_returned(fake_terraform, tmp_path: Path) -> None:
    fake_terraform("raise SystemExit(2)")
    assert run_terraform(["plan"], tmp_path, os.environ, accept=(0, 2)) == 2


def test_an_interrupt_lets_terraform_finish(fake_terraform, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Given a Terraform that writes its state when interrupted, then it is not killed before it has."""
    fake_terraform(
        "import signal, sys, time, pathlib\n"
        "def stop(*_):\n"
        "    pathlib.Path('state').write_text('whole')\n"
        "    sys.exit(1)\n"
        "signal.signal(signal.SIGINT, stop)\n"
        'print(\'{"@level": "info"}\', flush=True)\n'
        "time.sleep(60)\n"
    )

    def interrupt(_event: dict) -> None:
        raise KeyboardInterrupt

    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_terraform(["apply"], tmp_path, os.environ, on_event=interrupt)
    assert (tmp_path / "state").read_text() == "whole"
    assert "Terraform ends what it has begun and writes its state" in capsys.readouterr().err
    assert time.monotonic() - begin < 30
    assert threading.current_thread() is threading.main_thread()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def interrupted_when(path: Path) -> threading.Thread:
    """Sends this process SIGINT once ``path`` is there."""

    def watch() -> None:
        while not path.exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


SLOW_TO_STOP = """
import pathlib, signal, sys, time
def stop(*_):
    if pathlib.Path("asked").exists():
        pathlib.Path("hurried").touch()
        sys.exit(1)
    pathlib.Path("asked").touch()
    time.sleep({seconds})
    pathlib.Path("state").write_text("whole")
    sys.exit(1)
signal.signal(signal.SIGINT, stop)
pathlib.Path("begun").touch()
time.sleep(60)
"""


def test_an_interrupted_apply_on_aws_may_finish_what_it_began(fake_terraform, tmp_path: Path) -> None:
    """Given a Terraform that needs its time to stop, then it gets that time, and writes its state."""
    fake_terraform(SLOW_TO_STOP.format(seconds=0.8))
    interrupted_when(tmp_path / "begun")
    with pytest.raises(KeyboardInterrupt):
        show_terraform(["apply"], tmp_path, os.environ)
    assert (tmp_path / "state").read_text() == "whole"


def test_a_second_interrupt_is_passed_on(fake_terraform, tmp_path: Path) -> None:
    fake_terraform(SLOW_TO_STOP.format(seconds=50))
    interrupted_when(tmp_path / "begun")
    interrupted_when(tmp_path / "asked")
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        show_terraform(["apply"], tmp_path, os.environ)
    assert (tmp_path / "hurried").exists()
    assert time.monotonic() - begin < 10
