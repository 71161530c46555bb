"""Rules that watch a run: each with a run that has the fault, and all with one that has none."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
import torch
from torch import Tensor, nn

from training.errors import TrainingError
from training.learning import profiling, rules, views
from training.learning.watching import PARTS, Watch

torch.set_num_threads(1)

Batch = tuple[Tensor, Tensor]


def network(middle: type[nn.Module] = nn.ReLU, depth: int = 1) -> nn.Sequential:
    torch.manual_seed(4)
    layers: list[nn.Module] = [nn.Linear(8, 16), middle()]
    for _ in range(depth - 1):
        layers += [nn.Linear(16, 16), middle()]
    return nn.Sequential(*layers, nn.Linear(16, 2))


def batches(count: int = 120) -> Iterator[Batch]:
    generator = torch.Generator().manual_seed(2)
    for _ in range(count):
        inputs = torch.randn(32, 8, generator=generator)
        yield inputs, (inputs.sum(1) > 0).long()


def run(
    net: nn.Module, stream: Iterator[Batch], *, rate: float = 0.01, mode: str = "warn", each: Callable[[], Any] = int
) -> Watch:
    """A fit as short as it can be, watched at every step."""
    optimiser = torch.optim.SGD(net.parameters(), rate)
    with Watch(net, mode=mode, every=1) as watch:
        for inputs, labels in watch.timed(stream):
            with watch.part("forward"):
                loss = nn.functional.cross_entropy(net(inputs), labels)
            with watch.part("backward"):
                loss.backward()
            each()
            watch.gradients(loss.detach())
            with watch.part("optimiser"):
                optimiser.step()
                optimiser.zero_grad()
    return watch


def names(watch: Watch) -> set[str]:
    return {finding.rule for finding in watch.findings}


def slow(stream: Iterator[Batch]) -> Iterator[Batch]:
    """Data that takes far more work than learning from it."""
    heavy = torch.randn(300, 300)
    for batch in stream:
        for _ in range(12):
            heavy = heavy @ heavy / heavy.norm()
        yield batch


def dying() -> nn.Module:
    net = network()
    nn.init.constant_(net[0].bias, -100.0)
    return net


def test_a_sound_run_has_no_findings() -> None:
    watch = run(network(), batches(), rate=0.3)
    watch.start([30, 20, 12])
    for train, held_out in ((1.0, 1.1), (0.8, 0.9), (0.7, 0.85), (0.65, 0.86)):
        watch.epoch(1, {"train:loss": train, "validation:loss": held_out})
    assert watch.findings == []


def test_gradients_that_vanish_are_found() -> None:
    # Twenty sigmoids in a row: each passes on a quarter at most (Hochreiter, 1991).
    assert names(run(network(nn.Sigmoid, depth=20), batches(6))) == {"vanishing_gradient"}


def test_gradients_that_explode_are_found() -> None:
    net, seen = network(), []

    def blow_up() -> None:
        seen.append(1)
        if len(seen) == 12:
            for parameter in net.parameters():
                assert parameter.grad is not None
                parameter.grad *= 1e5

    watch = run(net, batches(12), each=blow_up)
    assert names(watch) == {"exploding_tensor"}
    assert watch.findings[0].step == 11


def test_a_rate_beyond_reason_gives_a_loss_that_is_no_number() -> None:
    watch = run(network(depth=3), batches(12), rate=1e12)
    assert "exploding_tensor" in names(watch)


def test_units_that_are_dead_are_found() -> None:
    assert "dead_units" in names(run(dying(), batches(6)))


@pytest.mark.slow
def test_a_loss_that_stays_is_found() -> None:
    assert names(run(network(), batches(100), rate=0.0)) == {"loss_not_decreasing"}


@pytest.mark.slow
def test_overfitting_is_found() -> None:
    """A large network learns labels that mean nothing, by heart."""
    torch.manual_seed(1)
    inputs, held_out = torch.randn(24, 8), torch.randn(200, 8)
    labels, unknown = torch.randint(0, 2, (24,)), torch.randint(0, 2, (200,))
    net = nn.Sequential(nn.Linear(8, 256), nn.ReLU(), nn.Linear(256, 2))
    watch = Watch(net)
    optimiser = torch.optim.Adam(net.parameters(), 0.01)
    for number in range(8):
        for _ in range(10):
            loss = nn.functional.cross_entropy(net(inputs), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        judged = nn.functional.cross_entropy(net(held_out), unknown).item()
        watch.epoch(number, {"train:loss": loss.item(), "validation:loss": judged})
    assert names(watch) == {"overfitting"}


@pytest.mark.slow
def test_a_device_that_waits_for_data_is_found() -> None:
    assert names(run(network(), slow(batches(25)))) == {"idle_device"}


def test_classes_far_apart_in_number_are_found() -> None:
    watch = Watch(network())
    watch.start([100, 12, 9])
    assert names(watch) == {"class_imbalance"}


@pytest.mark.slow
def test_a_rule_warns_once_stops_or_is_off_as_set() -> None:
    # Units that are dead pass no gradient either.
    assert sorted(finding.rule for finding in run(dying(), batches(20)).findings) == [
        "dead_units",
        "vanishing_gradient",
    ]
    with pytest.raises(TrainingError, match="or set rules to warn") as raised:
        run(dying(), batches(20), mode="stop")
    assert (raised.value.field, raised.value.value) == ("rules", "vanishing_gradient")
    assert run(dying(), batches(20), mode="off").findings == []


def test_every_rule_says_what_it_looks_at_and_whence() -> None:
    for rule in rules.all_rules():
        assert rule.definition.endswith(".")
        assert rule.source.startswith("https://docs.aws.amazon.com/sagemaker/")


def test_the_hooks_go_with_the_watch() -> None:
    net = network()
    run(net, batches(2))
    assert all(not module._forward_hooks for module in net.modules())


def test_pictures_tell_what_was_seen(tmp_path: Path) -> None:
    watch = run(network(), batches(20))
    figures = [
        views.steps(watch.times, tmp_path / "steps.png"),
        views.gradients(watch.gradient_norms, tmp_path / "gradients.png"),
    ]
    for figure in figures:
        assert cv2.imread(str(tmp_path / figure.file)).std() > 10
    assert all(part in figures[0].caption for part in PARTS)
    record = json.loads(json.dumps(watch.record()))
    assert record["steps"] == 20
    assert sum(record["shares"].values()) == pytest.approx(1, abs=0.001)
    assert set(record["gradient_norms"]) == {"0", "2"}


def test_the_profile_counts_the_steps_it_was_asked_for(tmp_path: Path) -> None:
    net = network()
    optimiser = torch.optim.SGD(net.parameters(), 0.1)
    with Watch(net) as watch, profiling.profiled(watch, tmp_path / "profile", 2):
        for inputs, labels in watch.timed(batches(8)):
            with watch.part("forward"):
                loss = nn.functional.cross_entropy(net(inputs), labels)
            loss.backward()
            optimiser.step()
    told = json.loads((tmp_path / "profile" / "operations.json").read_text())
    (linear,) = (row for row in told["operations"] if row["name"] == "aten::addmm")
    assert linear["calls"] == 2 * 2  # two layers, two steps
    assert (tmp_path / "profile" / "trace.json.gz").stat().st_size > 1000


def test_the_most_confused_pairs_come_by_name_and_share(tmp_path: Path) -> None:
    matrix = [[8, 2, 0], [5, 5, 0], [0, 0, 0]]
    assert views.most_confused(matrix, ("a", "b_c", "d")) == [("b_c", "a", 5, 0.5), ("a", "b_c", 2, 0.2)]
    figure = views.confusion(matrix, ("a", "b_c", "d"), tmp_path / "c.png", "synthetic data, 20 test images")
    assert "synthetic" in figure.caption
    assert "b c as a (5)" in figure.caption
    assert cv2.imread(str(tmp_path / "c.png")).std() > 10
