"""The committed environments are what the settings say, byte for byte, and Terraform accepts them as they are."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from terraform.command import terraform_path
from terraform.stacks import synth

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ("dev", "prod", "rehearsal", "staging")
COMMAND = [sys.executable, "-m", "terraform.stacks.synth"]


def run_synth(*arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    env = os.environ | ({"PATH": path} if path is not None else {})
    return subprocess.run([*COMMAND, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the environments that a test may spoil."""
    folder = tmp_path / "environments"
    shutil.copytree(synth.ENVIRONMENTS, folder, ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
    monkeypatch.setattr(synth, "ENVIRONMENTS", folder)
    return folder


def test_committed_files_are_fresh() -> None:
    finished = run_synth("--check")
    assert finished.returncode == 0, finished.stderr
    assert "4 environments are up to date" in finished.stdout
    assert finished.stderr == ""


def test_two_runs_give_the_same_bytes() -> None:
    settings = synth.load_all()
    first, second = synth.synthesise(settings), synth.synthesise(settings)
    assert first == second
    assert set(first) == set(ENVIRONMENTS)


def test_the_text_is_plain_sorted_json_without_metadata() -> None:
    for name in ENVIRONMENTS:
        text = (synth.ENVIRONMENTS / name / "main.tf.json").read_text()
        document = json.loads(text)
        assert json.dumps(document, indent=2, sort_keys=True) + "\n" == text
        assert '"//"' not in text
        assert set(document) == {"module", "output", "provider", "terraform", "variable"}


def test_a_stale_file_fails_the_check_and_is_named(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = copied / "dev" / "main.tf.json"
    target.write_text(target.read_text().replace("slipway-dev", "slipway-old"))
    spoiled = target.read_text()

    assert synth.main(["--check"]) == 1

    error = capsys.readouterr().err
    assert "dev/main.tf.json" in error
    assert "staging/main.tf.json" not in error
    assert "make synth" in error
    assert target.read_text() == spoiled, "--check writes nothing"

    assert synth.main([]) == 0
    assert synth.main(["--check"]) == 0


def test_a_missing_file_is_stale(copied: Path) -> None:
    (copied / "prod" / "main.tf.json").unlink()
    assert synth.main(["--check"]) == 1
    assert synth.main(["--check", "--env", "dev"]) == 0


def test_only_the_named_environment_is_written(copied: Path) -> None:
    for name in ENVIRONMENTS:
        (copied / name / "main.tf.json").unlink()
    assert synth.main(["--env", "staging"]) == 0
    assert sorted(path.parent.name for path in copied.glob("*/main.tf.json")) == ["staging"]


def test_wrong_settings_end_with_code_2_and_no_traceback(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = copied / "prod" / "settings.yaml"
    settings.write_text(settings.read_text().replace("10.60.0.0/16", "10.60.0.0/28"))
    before = (copied / "prod" / "main.tf.json").read_text()

    assert synth.main([]) == 2

    error = capsys.readouterr().err
    assert re.search(r"settings\.yaml: network\.cidr: got '10\.60\.0\.0/28', expected .*; remedy: ", error)
    assert "Traceback" not in error
    assert (copied / "prod" / "main.tf.json").read_text() == before


def test_faults_of_several_environments_show_in_one_run(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("dev", "staging"):
        settings = copied / name / "settings.yaml"
        settings.write_text(settings.read_text().replace("owner:", "ownr:"))
    assert synth.main([]) == 2
    error = capsys.readouterr().err
    assert "dev/settings.yaml: ownr: " in error
    assert "staging/settings.yaml: owner: is missing" in error


def test_a_fault_elsewhere_does_not_stop_the_named_environment(copied: Path) -> None:
    settings = copied / "dev" / "settings.yaml"
    settings.write_text(settings.read_text().replace("owner:", "ownr:"))
    assert synth.main(["--env", "prod", "--check"]) == 0


def test_overlapping_networks_are_refused(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = copied / "staging" / "settings.yaml"
    settings.write_text(settings.read_text().replace("10.50.0.0/18", "10.60.0.0/18"))
    assert synth.main([]) == 2
    assert "a range apart from 'prod' (10.60.0.0/16)" in capsys.readouterr().err


def test_a_settings_file_in_the_wrong_folder_is_refused(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(copied / "dev", copied / "test")
    assert synth.main([]) == 2
    assert "test/settings.yaml: environment: got 'dev', expected the folder's name 'test'" in capsys.readouterr().err


def test_an_unknown_environment_is_refused() -> None:
    finished = run_synth("--check", "--env", "production")
    assert finished.returncode == 2
    assert "environments/production/settings.yaml: is missing" in finished.stderr


def test_a_machine_without_node_gets_the_remedy(tmp_path: Path) -> None:
    finished = run_synth("--check", path=str(tmp_path))
    assert finished.returncode == 2
    assert "Node.js" in finished.stderr
    assert "make setup" in finished.stderr
    assert "Traceback" not in finished.stderr


def accepted(command: list[str], environment: str, env: dict[str, str], data: Path) -> None:
    """Run Terraform in a committed folder; it succeeds, warns of nothing, and leaves the lock file as it was."""
    folder = synth.ENVIRONMENTS / environment
    before = (folder / ".terraform.lock.hcl").read_bytes()
    env = env | {"TF_DATA_DIR": str(data)}
    command = [terraform_path(), *command, "-no-color"]
    finished = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "Warning" not in finished.stdout
    assert (folder / ".terraform.lock.hcl").read_bytes() == before


INIT = ["init", "-backend=false", "-lockfile=readonly"]


@pytest.mark.provider
def test_terraform_installs_the_provider_that_the_lock_file_names(
    terraform_environment: dict[str, str], tmp_path: Path
) -> None:
    """One environment stands for all: they have the same lock file and the same requirements."""
    demands = [json.loads((synth.ENVIRONMENTS / name / "main.tf.json").read_text()) for name in ENVIRONMENTS]
    assert all(
        one["terraform"]["required_providers"] == demands[0]["terraform"]["required_providers"] for one in demands
    )
    assert len({(synth.ENVIRONMENTS / name / ".terraform.lock.hcl").read_bytes() for name in ENVIRONMENTS}) == 1
    accepted(INIT, "prod", terraform_environment, tmp_path / "data")


@pytest.mark.provider
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_terraform_accepts_the_committed_folder(environment: str, provider: dict[str, str], tmp_path: Path) -> None:
    accepted(INIT, environment, provider, tmp_path / "data")
    accepted(["validate"], environment, provider, tmp_path / "data")
