"""Several processes that train one model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lazily import Lazily
from training.errors import TrainingError

distributed, finetuning, streaming = (
    Lazily(f"training.learning.{name}") for name in ("distributed", "finetuning", "streaming")
)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.unit.learning_pair", str(tmp_path_factory.mktemp("pair"))]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    answers: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answers


@pytest.mark.slow
def test_two_processes_learn_what_one_learns_to_the_last_bit(found: dict[str, Any]) -> None:
    weights, epochs = found["alone"]
    for other, _ in found["fit"]:
        assert other == weights
    for _, seen in found["fit"]:
        assert [seen[number]["validation:loss"] for number in seen] == [epochs[k]["validation:loss"] for k in epochs]
        assert seen["2"]["train:loss"] == pytest.approx(epochs["2"]["train:loss"], rel=1e-6)


@pytest.mark.slow
def test_two_processes_take_up_what_one_left_behind(found: dict[str, Any]) -> None:
    weights, _ = found["alone"]
    for other, seen in found["resumed"]:
        assert list(seen) == ["2"]
        assert other == weights


@pytest.mark.slow
def test_what_fails_in_one_process_ends_the_other_with_its_reason(found: dict[str, Any]) -> None:
    first, second = found["breaks"]
    assert second.startswith("TrainingError: image = ")
    assert "is no whole PNG or JPEG" in second
    assert "process 1 failed: TrainingError: image = " in first


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, (0, 1, 0, "", 7777)),
        ({"SM_HOSTS": '["algo-1"]', "SM_CURRENT_HOST": "algo-1"}, (0, 1, 0, "", 7777)),
        ({"SM_HOSTS": '["algo-2", "algo-1"]', "SM_CURRENT_HOST": "algo-2"}, (1, 2, 0, "algo-1", 7777)),
        (
            {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "MASTER_ADDR": "algo-1", "MASTER_PORT": "29500"},
            (3, 4, 1, "algo-1", 29500),
        ),
    ],
)
def test_the_place_comes_from_torchrun_or_sagemaker(environment: dict[str, str], expected: tuple[Any, ...]) -> None:
    place = distributed.place(environment)
    assert (place.rank, place.ranks, place.local_rank, place.address, place.port) == expected


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"RANK": "two", "WORLD_SIZE": "4"}, "RANK = 'two'"),
        ({"RANK": "4", "WORLD_SIZE": "4"}, "below WORLD_SIZE"),
        ({"RANK": "-1", "WORLD_SIZE": "4"}, "RANK = '-1'"),
        ({"SM_HOSTS": "algo-1"}, "SM_HOSTS"),
        ({"SM_HOSTS": "[]"}, "SM_HOSTS"),
        ({"SM_HOSTS": '["algo-1", "algo-2"]', "SM_CURRENT_HOST": "algo-9"}, "SM_CURRENT_HOST = 'algo-9'"),
    ],
)
def test_contradictions_are_named(environment: dict[str, str], reason: str) -> None:
    with pytest.raises(TrainingError, match=reason):
        distributed.place(environment)


def test_a_process_that_nobody_joins_says_where_it_waited() -> None:
    place = distributed.Place(1, 2, 0, "127.0.0.1", 1)
    with pytest.raises(TrainingError, match="2 processes did not meet there"), distributed.join(place, patience_s=1):
        pass


def test_chunks_of_all_ranks_are_those_of_one() -> None:
    whole = list(streaming.Chunks(23, 4))
    shares = [list(streaming.Chunks(23, 4, rank=rank, ranks=3)) for rank in range(3)]
    assert [shares[k % 3][k // 3] for k in range(len(whole))] == whole
    assert [pick.image for chunk in whole for pick in chunk] == list(range(23))


@pytest.mark.parametrize(
    ("shards", "batch", "ranks", "reason"), [(3, 12, 2, "multiple of the 2 processes"), (4, 6, 1, "the 4 shards")]
)
def test_shards_that_cannot_be_divided_are_refused(shards: int, batch: int, ranks: int, reason: str) -> None:
    from tests.unit.learning_pair import plan  # noqa: PLC0415  imports torch

    group = distributed.Group(0, ranks, None)
    with pytest.raises(TrainingError, match=reason):
        finetuning.fit(None, None, plan(shards=shards, batch_size=batch), group, watch=None)
