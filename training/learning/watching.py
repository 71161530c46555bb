"""Watches a fit from inside: where each step's time goes, what gradients and units do, and what the rules make of it.

Only the leading process watches. Every step is timed; tensors are looked at in every `every`-th, because that costs.
"""

from __future__ import annotations

import time
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar

import torch
from torch import nn

from training.errors import TrainingError
from training.learning.networks import BasicBlock, Bottleneck
from training.learning.rules import Observation, all_rules
from training.learning.tracking import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from torch import Tensor

    Part = TypeVar("Part")

PARTS = ("data", "forward", "backward", "optimiser")
"""Parts of a step, in order."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found."""

    rule: str
    step: int
    reason: str


class Watch:
    """Follows a fit; use it in a `with`, as it hangs hooks on the network.

    Parameters
    ----------
    mode
        `warn` says what the rules find, `stop` ends the run with it, `off` asks no rule.
    every
        Steps between two looks at tensors.
    leads
        Whether this process is the leading one; the others only pass through.
    """

    def __init__(
        self, network: nn.Module, *, mode: str = "warn", every: int = 5, leads: bool = True, device: str = "cpu"
    ) -> None:
        self.times: list[dict[str, float]] = []
        self.gradient_norms: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self.findings: list[Finding] = []
        self.rules = all_rules() if leads and mode != "off" else []
        self.profile: Callable[[], None] = lambda: None
        self._network, self._mode, self._every, self._leads = network, mode, every, leads
        self._cuda = device == "cuda"
        self._spent: dict[str, float] = dict.fromkeys(PARTS, 0.0)
        self._alive: dict[str, Tensor] = {}
        self._hooks: list[Any] = []

    def __enter__(self) -> Self:
        if self._leads:
            for name, module in self._network.named_modules():
                if isinstance(module, nn.ReLU | BasicBlock | Bottleneck):
                    self._hooks.append(module.register_forward_hook(self._look(name)))
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    @property
    def looks(self) -> bool:
        """Whether this step's tensors are looked at."""
        return self._leads and len(self.times) % self._every == 0

    def start(self, counts: Sequence[int]) -> None:
        """Let the rules see how many training images each class has."""
        self._ask(lambda rule: rule.start(counts))

    def timed(self, batches: Iterable[Part]) -> Iterator[Part]:
        """The same batches; the time until each comes is a step's `data`."""
        iterator = iter(batches)
        while True:
            with self.part("data"):
                batch = next(iterator, None)
            if batch is None:
                break
            yield batch
            self.times.append(self._spent)
            self._spent = dict.fromkeys(PARTS, 0.0)
            self._alive.clear()
            self.profile()
        # The wait that found the end belongs to no step.
        self._spent = dict.fromkeys(PARTS, 0.0)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time a part of the step, and give it its name in a profile."""
        begin = time.perf_counter()
        with ExitStack() as stack:
            stack.enter_context(torch.profiler.record_function(name))
            yield
            if self._cuda and self.looks:
                torch.cuda.synchronize()  # or a kernel's time would be counted where it is waited for
        self._spent[name] += time.perf_counter() - begin

    def gradients(self, loss: Tensor) -> None:
        """Look at the gradients before the optimiser uses them, and ask the rules about the step."""
        if not self.looks:
            return
        step = len(self.times)
        found = {}
        for name, parameter in self._network.named_parameters():
            if parameter.grad is not None and parameter.ndim > 1:
                gradient = parameter.grad.detach()
                found[name.removesuffix(".weight")] = (gradient.abs().mean().item(), gradient.norm().item())
        for layer, (_, norm) in found.items():
            self.gradient_norms[layer].append((step, norm))
        dead = {name: 1 - alive.float().mean().item() for name, alive in self._alive.items()}
        spent = self.times[-1] if self.times else self._spent
        waited = spent["data"] / max(sum(spent.values()), 1e-9)
        observation = Observation(step, loss.item(), found, dead, waited)
        self._ask(lambda rule: rule.step(observation))

    def epoch(self, number: int, metrics: Mapping[str, float]) -> None:
        """Let the rules see an epoch's metrics."""
        self._ask(lambda rule: rule.epoch(metrics), f"epoch {number}: ")

    def record(self) -> dict[str, Any]:
        """Everything seen, for `watch.json`."""
        steps = len(self.times)
        shares = {part: sum(spent[part] for spent in self.times) for part in PARTS}
        total = sum(shares.values()) or 1.0
        return {
            "steps": steps,
            "seconds": round(total, 3),
            "shares": {part: round(value / total, 4) for part, value in shares.items()},
            "findings": [asdict(finding) for finding in self.findings],
            "rules": [{"name": r.name, "definition": r.definition, "source": r.source} for r in self.rules],
            "gradient_norms": dict(self.gradient_norms),
        }

    def _look(self, name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            if self.looks and torch.is_grad_enabled():
                across = [dimension for dimension in range(output.ndim) if dimension != 1]
                alive = (output.detach() > 0).any(dim=tuple(across)) if across else output.detach() > 0
                # A batch may come in several shards: a unit is alive if any of them wakes it.
                self._alive[name] = self._alive[name] | alive if name in self._alive else alive

        return hook

    def _ask(self, question: Callable[[Any], str | None], where: str = "") -> None:
        for rule in self.rules:
            reason = question(rule)
            if reason is None or any(finding.rule == rule.name for finding in self.findings):
                continue
            self.findings.append(Finding(rule.name, len(self.times), reason))
            say(f"rule {rule.name} ({where or f'step {len(self.times)}: '}{reason})")
            if self._mode == "stop":
                raise TrainingError("rules", rule.name, f"{reason} (or set rules to warn)")
