"""Rules that look at a training run while it goes on, and say when something is wrong with it.

They are named after SageMaker Debugger's built-in rules (https://docs.aws.amazon.com/sagemaker/latest/dg/debugger-built-in-rules.html),
which is closed to new customers; each one's `definition` says what it looks at here.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DOCS = "https://docs.aws.amazon.com/sagemaker/latest/dg"


@dataclass(frozen=True, slots=True)
class Observation:
    """What is seen of one step of the optimiser.

    Attributes
    ----------
    gradients
        By layer: the mean of the gradient's absolute values, and its Euclidean norm.
    dead
        By layer: the share of its units that gave zero for everything they saw in this step.
    waited
        Share of the step's time in which the device waited for data.
    """

    step: int
    loss: float
    gradients: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    dead: Mapping[str, float] = field(default_factory=dict)
    waited: float = 0.0


class Rule:
    """Base of all rules: nothing is ever wrong."""

    name: ClassVar[str]
    definition: ClassVar[str]
    source: ClassVar[str] = f"{_DOCS}/debugger-built-in-rules.html"

    def step(self, seen: Observation) -> str | None:
        """Look at a step; the reason if something is wrong."""

    def epoch(self, metrics: Mapping[str, float]) -> str | None:
        """Look at an epoch's metrics; the reason if something is wrong."""

    def start(self, counts: Sequence[int]) -> str | None:
        """Look at the training images per class; the reason if something is wrong."""


@dataclass
class VanishingGradient(Rule):
    limit: float = 1e-7
    patience: int = 3
    _times: dict[str, int] = field(default_factory=dict)
    name = "vanishing_gradient"
    definition = "In a layer the mean of the gradient's absolute values stays below 1e-7 for 3 observed steps in a row."
    source = f"{_DOCS}/vanishing-gradient.html"

    def step(self, seen: Observation) -> str | None:
        for layer, (mean, _) in seen.gradients.items():
            self._times[layer] = self._times.get(layer, 0) + 1 if mean < self.limit else 0
            if self._times[layer] >= self.patience:
                return f"the gradient of {layer} is {mean:.1e} on average; unfreeze less, or learn faster"
        return None


@dataclass
class ExplodingTensor(Rule):
    factor: float = 1000.0
    least: int = 5
    _norms: dict[str, deque[float]] = field(default_factory=dict)
    name = "exploding_tensor"
    definition = (
        "The loss or a gradient is not finite, or a layer's gradient is 1,000 times the median norm of its last 50, "
        "once 5 are known."
    )

    def step(self, seen: Observation) -> str | None:
        if not math.isfinite(seen.loss):
            return f"the loss is {seen.loss}; learn more slowly"
        for layer, (_, norm) in seen.gradients.items():
            if not math.isfinite(norm):
                return f"the gradient of {layer} is {norm}; learn more slowly"
            known = self._norms.setdefault(layer, deque(maxlen=50))
            usual = statistics.median(known) if len(known) >= self.least else math.inf
            known.append(norm)
            if 0 < usual * self.factor < norm:
                return f"the gradient of {layer} grew to {norm:.3g}, its median is {usual:.3g}; learn more slowly"
        return None


@dataclass
class DeadUnits(Rule):
    share: float = 0.5
    patience: int = 3
    _times: dict[str, int] = field(default_factory=dict)
    name = "dead_units"
    definition = "In a layer more than half of the units give zero for every image in 3 observed steps in a row."
    source = f"{_DOCS}/dead-relu.html"

    def step(self, seen: Observation) -> str | None:
        for layer, share in seen.dead.items():
            self._times[layer] = self._times.get(layer, 0) + 1 if share > self.share else 0
            if self._times[layer] >= self.patience:
                return f"{share:.0%} of the units of {layer} give zero for everything; learn more slowly"
        return None


@dataclass
class LossNotDecreasing(Rule):
    window: int = 50
    least: float = 0.001
    _losses: deque[float] = field(default_factory=deque)
    name = "loss_not_decreasing"
    definition = "The mean loss of 50 observed steps is not at least 0.1 % below that of the 50 before."

    def step(self, seen: Observation) -> str | None:
        self._losses.append(seen.loss)
        if len(self._losses) < 2 * self.window:
            return None
        before = statistics.fmean([self._losses.popleft() for _ in range(self.window)])
        now = statistics.fmean(self._losses)
        if now > before * (1 - self.least):
            return (
                f"the mean loss went from {before:.4f} to {now:.4f} in {self.window} steps; learn faster, or stop here"
            )
        return None


@dataclass
class Overfitting(Rule):
    patience: int = 2
    ratio: float = 0.1
    _last: tuple[float, float] = (math.inf, math.inf)
    _times: int = 0
    name = "overfitting"
    definition = (
        "In 2 epochs in a row the validation loss rose while the training loss fell, and it is more than 10 % above "
        "the training loss."
    )

    def epoch(self, metrics: Mapping[str, float]) -> str | None:
        train, held_out = metrics["train:loss"], metrics["validation:loss"]
        apart = train < self._last[0] and held_out > self._last[1] and held_out > train * (1 + self.ratio)
        self._times = self._times + 1 if apart else 0
        self._last = (train, held_out)
        if self._times < self.patience:
            return None
        figures = f"training loss {train:.4f}, validation loss {held_out:.4f}"
        return f"{figures}, and they drift apart; train for fewer epochs, or augment more"


@dataclass
class IdleDevice(Rule):
    share: float = 0.3
    window: int = 20
    _waits: deque[float] = field(default_factory=deque)
    name = "idle_device"
    definition = "The median share of a step in which the device waits for data exceeds 30 % over 20 observed steps."

    def step(self, seen: Observation) -> str | None:
        self._waits.append(seen.waited)
        if len(self._waits) < self.window:
            return None
        usual = statistics.median(self._waits)
        self._waits.clear()
        if usual > self.share:
            return f"the device waits for data in {usual:.0%} of a step; set more workers, or a smaller side"
        return None


@dataclass
class ClassImbalance(Rule):
    ratio: float = 10.0
    name = "class_imbalance"
    definition = "The largest class has more than 10 times the training images of the smallest."

    def start(self, counts: Sequence[int]) -> str | None:
        most, least = max(counts), min(counts)
        if most > self.ratio * max(least, 1):
            return f"the largest class has {most} training images, the smallest {least}; stage more of the small ones"
        return None


def all_rules() -> list[Rule]:
    """A fresh one of each."""
    kinds = (VanishingGradient, ExplodingTensor, DeadUnits, LossNotDecreasing, Overfitting, IdleDevice, ClassImbalance)
    return [kind() for kind in kinds]
