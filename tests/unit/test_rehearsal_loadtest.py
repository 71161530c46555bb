"""The load test of a rehearsal: which rehearsal it uses, and that it leaves everything as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rehearsal import keeping, loadtest, reached
from rehearsal.run import Options, RehearsalError, Run, write_json

FACTS = {"workload": "vehicles", "source": "synthetic", "started": "2026-03-02T09:14:05+00:00", "speed": 20.0}


def stage(folder: Path, number: int, name: str, **data: Any) -> None:
    write_json(folder / "stages" / f"{number:02d}-{name}.json", {"name": name, "status": "passed", "data": data})


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A rehearsal that got as far as an endpoint and saved its state."""
    write_json(tmp_path / "run.json", FACTS)
    stage(tmp_path, 8, "promote", endpoint="slipway-rehearsal-vehicles")
    (tmp_path / "aws.state").write_bytes(b"serving")
    return Run(tmp_path, Options(), started="")


def test_the_state_is_the_one_in_which_the_endpoint_serves(run: Run) -> None:
    assert reached.state_after(run.folder, "promote") == run.aws_state
    # given a rehearsal that came to its end: what it left is empty, what it had before is kept
    stage(run.folder, 12, "destroy")
    assert reached.state_after(run.folder, "promote") is None
    run.before_destroy.mkdir()
    (run.before_destroy / "aws.state").write_bytes(b"before")
    assert reached.state_after(run.folder, "promote") == run.before_destroy / "aws.state"
    # given one that never came to an endpoint
    next((run.folder / "stages").glob("*-promote.json")).unlink()
    assert reached.state_after(run.folder, "promote") is None


def fail(fact: bool) -> None:
    """End a load test in the middle, where a fact must hold."""
    assert fact
    raise ZeroDivisionError


class Aws:
    """Stands in for an embedded AWS: one endpoint, of one variant, whose limits can be set."""

    def __init__(self, limits: tuple[int, int] = (2, 4)) -> None:
        self.limits, self.stopped, self.asked = limits, False, 0

    def client(self, _: str) -> Aws:
        return self

    def stop(self) -> None:
        self.stopped = True

    def describe_scalable_targets(self, **_: Any) -> dict[str, Any]:
        target = {"ServiceNamespace": "sagemaker", "ScalableDimension": "d", "MinCapacity": 2, "MaxCapacity": 4}
        return {"ScalableTargets": [target | {"ResourceId": "endpoint/slipway-rehearsal-vehicles/variant/v"}]}

    def register_scalable_target(self, **named: Any) -> None:
        self.limits = named["MinCapacity"], named["MaxCapacity"]

    def describe_endpoint(self, **_: Any) -> dict[str, Any]:
        self.asked += 1
        if self.asked == 1:  # on its way it names no variants
            return {"EndpointStatus": "Updating"}
        return {"EndpointStatus": "InService", "ProductionVariants": [{"CurrentInstanceCount": self.limits[1]}]}


def test_a_saved_state_is_worked_on_as_a_copy(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    aws, seen = Aws(), list[bytes]()

    def start(root: Path, *, state: Path, **settings: Any) -> Aws:
        seen.append(state.read_bytes())
        state.write_bytes(b"spoiled")
        assert settings["iam"] == "enforce"
        return aws

    monkeypatch.setattr(reached, "start_embedded", start)
    monkeypatch.setattr(keeping, "wait_for_endpoints", lambda _: None)
    with pytest.raises(ZeroDivisionError), loadtest._on_a_copy(run, run.aws_state):
        fail(run.aws is aws)
    assert seen == [b"serving"]
    assert run.aws_state.read_bytes() == b"serving"
    assert aws.stopped
    assert [path.name for path in run.folder.glob("*.state")] == ["aws.state"]


def test_the_endpoint_is_alone_meanwhile_and_gets_its_limits_back(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Aws()
    monkeypatch.setattr(loadtest, "actor", lambda *_: aws)
    monkeypatch.setattr(loadtest, "POLL_S", 0.0)
    with pytest.raises(ZeroDivisionError), loadtest._alone(run):
        fail((aws.limits, aws.asked) == ((1, 1), 2))
    assert aws.limits == (2, 4)


def test_an_endpoint_that_failed_is_told_with_its_reason(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Aws()
    monkeypatch.setattr(loadtest, "actor", lambda *_: aws)
    monkeypatch.setattr(aws, "describe_endpoint", lambda **_: {"EndpointStatus": "Failed", "FailureReason": "no model"})
    with pytest.raises(RehearsalError, match=r"is Failed .*: no model"), loadtest._alone(run):
        pytest.fail("the load began")
    assert aws.limits == (2, 4)


@pytest.mark.parametrize(
    ("given", "ours", "theirs"),
    [
        ([], [], []),
        (["--slo-p95-ms", "1", "--write"], ["--slo-p95-ms", "1", "--write"], []),
        (["--write", "--", "--rate", "50", "--", "x"], ["--write"], ["--rate", "50", "--", "x"]),
    ],
)
def test_what_follows_the_dashes_is_for_the_generator(
    run: Run, monkeypatch: pytest.MonkeyPatch, given: list[str], ours: list[str], theirs: list[str]
) -> None:
    found: list[Any] = []

    @contextmanager
    def up(*_: Any) -> Iterator[Run]:
        yield run

    monkeypatch.setattr(loadtest, "_up", up)
    monkeypatch.setattr(loadtest, "_alone", up)
    monkeypatch.setattr(loadtest, "_load", lambda *arguments: found.append(arguments[2:]) or 7)
    assert loadtest.main(["--folder", str(run.folder / "f"), *given]) == 7
    assert found == [(ours, theirs)]
