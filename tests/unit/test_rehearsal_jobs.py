"""Jobs of a rehearsal: on which state they run, where they are kept, and what is said of the envelope that arrived."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rehearsal import jobs, reached, wire
from rehearsal.run import Options, RehearsalError, Run, write_json
from tests.unit import jobs_support as support
from tests.unit.test_jobs_requests import SEARCH, trained, tuned

FACTS = {"workload": "vehicles", "source": "synthetic", "started": "2026-03-02T09:14:05+00:00", "speed": 20.0}


def stage(folder: Path, number: int, name: str, **data: Any) -> None:
    write_json(folder / "stages" / f"{number:02d}-{name}.json", {"name": name, "status": "passed", "data": data})


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A rehearsal that has its data staged and has saved its state."""
    write_json(tmp_path / "run.json", FACTS)
    outputs = {"training_environments": {"vehicles": support.MADE}}
    stage(tmp_path, 4, "apply", outputs=outputs)
    stage(tmp_path, 5, "stage")
    (tmp_path / "aws.state").write_bytes(b"staged")
    return Run(tmp_path, Options(), started="")


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The states that embedded AWS were started on; each leaves a job in its state."""
    started: list[Path] = []

    def start(_: Path, *, state: Path, **__: Any) -> SimpleNamespace:
        started.append(state)
        return SimpleNamespace(stop=lambda: state.write_bytes(state.read_bytes() + b" job"))

    monkeypatch.setattr(reached, "start_embedded", start)
    return started


def test_jobs_are_kept_on_a_copy_until_there_is_a_new_rehearsal(run: Run, servers: list[Path]) -> None:
    copy = run.folder / "jobs.state"
    for _ in range(2):
        with jobs.up(run.folder, "vehicles") as found:
            assert found.folder == run.folder
    assert servers == [copy, copy]
    assert copy.read_bytes() == b"staged job job", "the second command knows the first one's job"
    assert run.aws_state.read_bytes() == b"staged", "the rehearsal is as it was"
    # given a new rehearsal
    run.aws_state.write_bytes(b"anew")
    later = copy.stat().st_mtime + 5
    os.utime(run.aws_state, (later, later))
    with jobs.up(run.folder, "vehicles"):
        assert copy.read_bytes() == b"anew"


def test_the_state_is_the_one_that_has_the_data(run: Run) -> None:
    assert reached.state_after(run.folder, "stage") == run.aws_state
    stage(run.folder, 16, "destroy")
    assert reached.state_after(run.folder, "stage") is None, "what a rehearsal leaves at its end is empty"
    run.before_destroy.mkdir()
    (run.before_destroy / "aws.state").write_bytes(b"before")
    assert reached.state_after(run.folder, "stage") == run.before_destroy / "aws.state"
    next((run.folder / "stages").glob("*-stage.json")).unlink()
    assert reached.state_after(run.folder, "stage") is None


class Received:
    """SageMaker with what arrived: one tuning job and its trial, whose requests a test may have changed."""

    def __init__(self) -> None:
        self.search, self.trial = tuned(), trained()

    def client(self, _: str) -> Received:
        return self

    def describe_hyper_parameter_tuning_job(self, **_: Any) -> dict[str, Any]:
        return self.search | {"HyperParameterTuningJobArn": "search"}

    def describe_training_job(self, **_: Any) -> dict[str, Any]:
        return self.trial | {"TrainingJobArn": "trial"}

    def list_tags(self, ResourceArn: str) -> dict[str, Any]:  # noqa: N803  (boto3's word)
        return {"Tags": {"search": self.search, "trial": self.trial}[ResourceArn]["Tags"]}

    def list_training_jobs_for_hyper_parameter_tuning_job(self, **_: Any) -> dict[str, Any]:
        return {"TrainingJobSummaries": [{"TrainingJobName": f"{SEARCH}-001-0123abcd"}]}


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Received:
    made = Received()
    monkeypatch.setattr(wire, "actor", lambda *_: made)
    return made


def test_what_arrived_whole_is_told_field_by_field(run: Run, received: Received) -> None:
    said = wire.told(wire.received(run, SEARCH)).splitlines()
    assert said[0] == f"envelope of {SEARCH} as it arrived: 9 of 9 fields, and the same in each of 1 trials"
    assert any(line.split() == ["TrainingJobDefinition.EnableNetworkIsolation", "true"] for line in said)
    assert len(said) == 10


def test_a_search_that_lost_a_part_on_its_way_is_found_out(run: Run, received: Received) -> None:
    del received.search["TrainingJobDefinition"]["EnableNetworkIsolation"]
    with pytest.raises(RehearsalError, match=rf"{SEARCH} arrived without TrainingJobDefinition.EnableNetworkIsolation"):
        wire.received(run, SEARCH)


def test_a_trial_that_was_given_less_is_found_out(run: Run, received: Received) -> None:
    received.trial["ResourceConfig"].pop("VolumeKmsKeyId")
    with pytest.raises(RehearsalError, match=r"001-0123abcd arrived without ResourceConfig.VolumeKmsKeyId"):
        wire.received(run, SEARCH)
