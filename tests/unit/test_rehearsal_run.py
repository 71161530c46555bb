"""A rehearsal's folder: one process at a time, whole files only, and no stranger's folder is ever emptied."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal import keeping
from rehearsal.__main__ import main
from rehearsal.run import Options, RehearsalError, Run, fresh, only_one, write_json
from rehearsal.stages import STAGES
from terraform.command import ROOT


def test_a_folder_that_is_not_a_runs_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("five years of work")
    with pytest.raises(RehearsalError, match=r"holds no run\.json: name another folder with --folder"):
        fresh(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_an_old_runs_folder_is_emptied(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "old").mkdir()
    fresh(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_second_rehearsal_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    script = f"from pathlib import Path; from rehearsal.run import only_one\nwith only_one(Path({str(folder)!r})): pass"
    with only_one(folder):
        other = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert other.returncode != 0
    assert "another rehearsal (process " in other.stderr
    again = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr


def test_a_file_that_cannot_be_written_whole_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    write_json(path, {"a": 1})
    circle: list = []
    circle.append(circle)
    with pytest.raises(ValueError, match="Circular"):
        write_json(path, circle)
    assert json.loads(path.read_text()) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["facts.json"]


def test_a_stage_that_has_not_passed_names_itself(tmp_path: Path) -> None:
    run = Run(tmp_path, Options())
    with pytest.raises(RehearsalError, match="make rehearse STAGE=train"):
        run.data("train")
    run.record_stage(5, {"name": "train", "status": "failed", "data": {"x": 1}})
    with pytest.raises(RehearsalError, match="has not passed"):
        run.data("train")
    run.record_stage(5, {"name": "train", "status": "passed", "data": {"x": 2}})
    assert run.data("train") == {"x": 2}


def test_going_on_forgets_the_later_stages_only(tmp_path: Path) -> None:
    run = Run(tmp_path, Options())
    for number, name in enumerate(STAGES, 1):
        run.record_stage(number, {"name": name, "status": "passed", "data": {}})
    run.forget_from(5)
    left = sorted(path.name for path in (tmp_path / "stages").iterdir())
    assert left == ["01-start.json", "02-synth.json", "03-apply.json", "04-stage.json"]


def test_going_on_without_an_earlier_run_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--folder", str(tmp_path / "none"), "--stage", "train"]) == 1
    assert "run `make rehearse` first" in capsys.readouterr().err


def test_a_broken_record_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run.json").write_text('{"half')
    assert main(["run", "--folder", str(tmp_path), "--stage", "train"]) == 1
    assert "is not JSON" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "--images", "0"], "got '0'; expected a whole number from 4 to 150"),
        (["run", "--speed", "fast"], "got 'fast'; expected a number from 1 to 100"),
        (["run", "--stage", "aply"], "invalid choice: 'aply'"),
        (["run", "--workload", "cats"], "invalid choice: 'cats'"),
        (["plan", "nowhere"], "invalid choice: 'nowhere'"),
    ],
)
def test_bad_usage_ends_with_2(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_an_unknown_source_names_the_known_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--folder", str(tmp_path / "run"), "--source", "imagenet"]) == 1
    assert "'imagenet' is no data source of vehicles; known: synthetic, cifar100, digits" in capsys.readouterr().err


def test_a_strangers_process_is_never_taken_for_the_server(tmp_path: Path) -> None:
    """Given a record whose process id now belongs to somebody else, then nothing is stopped."""
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        write_json(tmp_path / "run.json", {"embedded_aws": {"endpoint": "http://127.0.0.1:1", "pid": stranger.pid}})
        assert keeping.stop_server_of(tmp_path) is False
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
