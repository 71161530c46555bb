"""`make plan|apply|live|rollback|destroy`: nothing happens without the environment's name, and then it is verified."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from terraform import operate
from terraform.command import TerraformError
from terraform.live import change, models
from terraform.live.change import Place
from terraform.live.compare import Difference
from terraform.live.ledger import Entry, Ledger
from terraform.live.verify import NotLiveError

GOOD = {"version": "1", "model_data_url": "s3://m/1", "image": "i", "model_package_arn": "p/1", "sha256": "1"}
BAD = GOOD | {"version": "2", "model_data_url": "s3://m/2", "model_package_arn": "p/2", "sha256": "2"}
ROLLED_BACK = NotLiveError([Difference("endpoint e", "configuration 2", "1", "make rollback")])


class World:
    """What operate would reach: Terraform, AWS and the ledger, each writing down that it was asked."""

    def __init__(self, tmp_path: Path) -> None:
        self.calls: list[list[str]] = []
        self.file = tmp_path / "models.auto.tfvars.json"
        self.file_at_apply = ""
        self.verified: list[Any] = []
        self.recorded: list[Any] = []
        self.sizes = {"vehicles": 3}
        self.entries = [Entry("", {"vehicles": BAD}), Entry("", {"vehicles": GOOD})]

    def show(self, arguments: list[str], *_: Any) -> None:
        self.calls.append(arguments)
        if arguments[0] == "apply":
            self.file_at_apply = self.file.read_text() if self.file.exists() else ""

    def verify(self, _place: Place) -> str:
        self.verified.append(models.read(self.file))
        return "endpoint e serves version 1 on 3 instances"

    @property
    def commands(self) -> list[str]:
        return [call[0] for call in self.calls]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path)
    here = Place(world.file, {"vehicles": "slipway-dev-vehicles"}, None, Ledger(None, "b", "p/"), dict, print)

    @contextmanager
    def guarded(_: Place) -> Iterator[None]:
        world.calls.append(["guarded"])
        yield

    monkeypatch.setattr(operate, "SCRATCH", tmp_path)
    monkeypatch.setattr(operate, "ROOT", tmp_path)
    monkeypatch.setattr(operate, "terraform_env", dict)
    monkeypatch.setattr(operate, "show_terraform", world.show)
    monkeypatch.setattr(operate, "read_terraform", lambda *_: "{}")
    monkeypatch.setattr(operate.place, "of", lambda *_: here)
    monkeypatch.setattr(operate, "entries", lambda _: iter(world.entries))
    monkeypatch.setattr(operate.rollback, "demand_usable", lambda *_: None)
    monkeypatch.setattr(change, "guarded", guarded)
    monkeypatch.setattr(change, "fleet_sizes", lambda _: world.sizes)
    monkeypatch.setattr(change, "loud", lambda *_: {})
    monkeypatch.setattr(change, "verified", world.verify)
    monkeypatch.setattr(change.ledger, "record", lambda _, promoted, left: world.recorded.append((promoted, left)))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    monkeypatch.delenv("CONFIRM", raising=False)
    return world


@pytest.mark.parametrize("name", ["", "production", "../dev"])
def test_an_unknown_environment_names_the_known_ones(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert operate.main(["plan", name]) == 2
    assert f"ENV: got {name!r}; expected one of: dev, prod, staging" in capsys.readouterr().err


def test_the_rehearsal_environment_points_to_its_own_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert operate.main(["apply", "rehearsal"]) == 2
    assert "make rehearse" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["apply", "rollback", "destroy"])
@pytest.mark.parametrize("answer", [None, "", "yes", "staging"])
def test_anything_but_the_name_changes_nothing(
    command: str, answer: str | None, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    models.write(world.file, {"vehicles": BAD})
    before = world.file.read_text()
    if answer is not None:
        monkeypatch.setenv("CONFIRM", answer)
    with pytest.raises(TerraformError, match=f"nothing was changed: {command} prod was not confirmed"):
        operate.operate(command, "prod")
    assert world.commands == ["init", "plan"]
    assert world.file.read_text() == before


@pytest.mark.parametrize("command", ["apply", "destroy"])
def test_exactly_the_plan_that_was_shown_is_applied(
    command: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONFIRM", "dev")
    operate.operate(command, "dev")
    planned = next(a for a in world.calls[1] if a.startswith("-out=")).removeprefix("-out=")
    assert ("-destroy" in world.calls[1]) == (command == "destroy")
    assert world.calls[-1] == ["apply", planned]


def test_an_apply_hands_over_the_fleets_size_and_is_verified_and_written_down(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONFIRM", "dev")
    models.write(world.file, {"vehicles": GOOD})
    assert operate.main(["apply", "dev"]) == 0
    assert world.commands == ["init", "plan", "guarded", "apply"]
    assert '-var=live_instance_counts={"vehicles": 3}' in world.calls[1]
    assert world.recorded == [({"vehicles": GOOD}, {})]
    assert "live: endpoint e serves version 1 on 3 instances" in capsys.readouterr().out


def test_a_fleet_that_has_grown_since_the_plan_is_not_made_smaller(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONFIRM", "dev")
    sizes = [{"vehicles": 3}, {"vehicles": 5}]
    monkeypatch.setattr(change, "fleet_sizes", lambda _: sizes.pop(0))
    assert operate.main(["apply", "dev"]) == 1
    assert "nothing was changed: slipway-dev-vehicles has grown to 5 instances" in capsys.readouterr().err
    assert "apply" not in world.commands


def test_a_silent_rollback_has_an_exit_code_of_its_own(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONFIRM", "dev")
    models.write(world.file, {"vehicles": GOOD})
    monkeypatch.setattr(change, "verified", lambda _: (_ for _ in ()).throw(ROLLED_BACK))
    assert operate.main(["apply", "dev"]) == 3
    assert "endpoint e: expected configuration 2, live 1; make rollback" in capsys.readouterr().err
    assert world.recorded == [], "what was not verified is not the last good model"


def test_live_only_looks(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert operate.main(["live", "dev"]) == 0
    assert world.commands == ["init"]
    assert capsys.readouterr().out.startswith("live: ")


def test_rollback_plans_with_the_last_good_model_and_writes_the_file_once_confirmed(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONFIRM", "dev")
    models.write(world.file, {"vehicles": BAD})
    assert operate.main(["rollback", "dev"]) == 0
    planned = next(a for a in world.calls[1] if a.startswith("-var-file=")).removeprefix("-var-file=")
    after = models.read(world.file)
    assert models.read(Path(planned)) == after
    assert models.same(after["vehicles"], GOOD)
    assert json.loads(world.file_at_apply)["models"] == after, "an apply that is cut short leaves what it was to bring"
    assert world.recorded == [(after, {"vehicles": BAD})]
    said = capsys.readouterr().out
    assert '-      "version": "2"' in said
    assert '+      "version": "1"' in said
    assert "commit models.auto.tfvars.json" in said


def test_a_model_whose_alarm_rings_on_is_left_unwatched(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONFIRM", "dev")
    models.write(world.file, {"vehicles": BAD})
    monkeypatch.setattr(change, "loud", lambda *_: {"vehicles": "e-5xx rings"})
    assert operate.main(["rollback", "dev"]) == 0
    assert '-var=unwatched={"vehicles": "e-5xx rings"}' in world.calls[1]
    assert "this rollout was not watched: `make apply ENV=dev`" in capsys.readouterr().out


def test_rollback_without_a_way_back_changes_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    models.write(world.file, {"vehicles": GOOD})
    world.entries = [Entry("", {"vehicles": GOOD})]
    assert operate.main(["rollback", "dev"]) == 1
    assert "nothing was changed: no other model of vehicles" in capsys.readouterr().err
    assert operate.main(["rollback", "dev", "--workload", "lorries"]) == 1
    assert "WORKLOAD='lorries' is not one of this environment: vehicles" in capsys.readouterr().err
    assert world.commands == ["init", "init"]


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("plan", "nothing was changed"),
        ("apply", "names the models that it was to bring"),
        ("verify", "what is live was not verified: `make live ENV=dev` does it"),
    ],
)
def test_an_interrupt_says_what_state_things_are_in(
    where: str, told: str, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONFIRM", "dev")
    models.write(world.file, {"vehicles": BAD})

    def struck(arguments: list[str], *_: Any) -> None:
        world.show(arguments)
        if arguments[0] == where:
            raise KeyboardInterrupt

    def verify(_place: Place) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(operate, "show_terraform", struck)
    monkeypatch.setattr(change, "verified", verify)
    assert operate.main(["rollback", "dev"]) == 130
    assert told in capsys.readouterr().err
    assert models.read(world.file)["vehicles"]["version"] == ("2" if where == "plan" else "1")
