"""A rehearsal's folder: one process at a time, whole files only, and no stranger's folder is ever emptied."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal import drive, keeping
from rehearsal.__main__ import main, parser
from rehearsal.denials import Denials
from rehearsal.run import Options, RehearsalError, Run, fresh, must_save, only_one, write_json
from rehearsal.stages import STAGES
from terraform.command import ROOT

RECORD = {"workload": "vehicles", "source": "synthetic", "started": "2026-01-01T00:00:00+00:00", "speed": 20.0}


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
    assert left == ["01-start.json", "02-synth.json", "03-bootstrap.json", "04-apply.json"]


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


def test_an_unknown_source_costs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_json(tmp_path / "run.json", RECORD)
    (tmp_path / "report.html").write_text("of the last run")
    assert main(["run", "--folder", str(tmp_path), "--source", "imagenet"]) == 2
    assert "'imagenet' is no data source of vehicles; known: synthetic, cifar100, digits" in capsys.readouterr().err
    assert (tmp_path / "report.html").exists()


def test_a_source_that_the_run_does_not_have_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_json(tmp_path / "run.json", RECORD)
    assert main(["run", "--folder", str(tmp_path), "--stage", "train", "--source", "digits"]) == 2
    assert "SOURCE: 'digits' was asked for, but the run" in capsys.readouterr().err


def test_nothing_can_be_kept_after_destroy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--folder", str(tmp_path), "--stage", "destroy", "--keep"]) == 2
    assert "KEEP: after destroy nothing is left to keep" in capsys.readouterr().err


def test_a_record_of_something_else_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_json(tmp_path / "run.json", {"workload": "vehicles"})
    assert main(["resume", "--folder", str(tmp_path)]) == 1
    assert "lacks source, speed, started" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["stop", "resume"])
def test_nobody_stops_the_server_under_a_rehearsal(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    script = (
        f"import sys; from pathlib import Path; from rehearsal.run import only_one\n"
        f"with only_one(Path({str(folder)!r})): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        assert main([command, "--folder", str(folder)]) == 1
        other.communicate()
    assert f"another rehearsal (process {other.pid}) is using" in capsys.readouterr().err


def test_a_damaged_state_is_a_clear_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_json(tmp_path / "run.json", RECORD)
    (tmp_path / "aws.state").write_text("half")
    assert main(["resume", "--folder", str(tmp_path)]) == 1
    assert "is no state file of the embedded AWS" in capsys.readouterr().err


def test_an_error_nobody_foresaw_fails_the_stage_and_keeps_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("manifest")

    monkeypatch.setattr(drive, "perform", broken)
    run = Run(tmp_path, Options())
    assert drive.carry_out(run, "classify", Denials(run.denials)) is False
    record = json.loads((tmp_path / "stages" / f"{STAGES.index('classify') + 1:02d}-classify.json").read_text())
    assert record["status"] == "failed"
    assert "KeyError: 'manifest'" in record["evidence"]
    assert "in broken" in (tmp_path / "traceback.txt").read_text()
    assert "make rehearse STAGE=classify" in capsys.readouterr().out


def test_what_came_after_a_restart_is_not_overwritten_by_the_next(tmp_path: Path) -> None:
    """Given a state from before a destroy, when it was gone on from, then the next restart keeps the newer one."""
    run = Run(tmp_path, Options())
    run.before_destroy.mkdir()
    (run.before_destroy / "aws.state").write_text("old")
    (run.before_destroy / "terraform.tfstate").write_text("old")
    keeping.restore_before_destroy(run)
    assert run.aws_state.read_text() == (run.terraform / "terraform.tfstate").read_text() == "old"
    run.aws_state.write_text("new")
    keeping.restore_before_destroy(run)
    assert run.aws_state.read_text() == "new"


def test_a_server_that_could_not_save_is_told(tmp_path: Path) -> None:
    state = tmp_path / "aws.state"
    state.write_text("old")
    with pytest.raises(RehearsalError, match="without saving its state"), must_save(state):
        pass
    with must_save(state):
        write_json(state, "new")


def test_an_emptying_that_was_interrupted_can_be_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "aws").mkdir()

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fresh(tmp_path)
    fresh(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_the_same_wherever_it_is_named_from() -> None:
    assert parser().parse_args(["stop", "--folder", "some/where"]).folder == Path.cwd() / "some" / "where"


def test_a_strangers_process_is_never_taken_for_the_server(tmp_path: Path) -> None:
    """Given a record whose process id now belongs to somebody else, then nothing is stopped."""
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        write_json(tmp_path / "run.json", RECORD | {"embedded_aws": {"endpoint": "http://x", "pid": stranger.pid}})
        assert keeping.stop_server_of(tmp_path) is False
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
