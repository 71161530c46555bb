"""Say how training goes, to everyone who listens: the log that SageMaker reads, a JSON-lines file, TensorBoard."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Self

from torch.utils.tensorboard import SummaryWriter

if TYPE_CHECKING:
    from pathlib import Path


class Tracker:
    """Writes each set of metrics to standard output, `metrics.jsonl` and an event file; use it in a `with`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lines = (folder / "metrics.jsonl").open("a", encoding="utf-8")
        self._events = SummaryWriter(str(folder / "tensorboard"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._events.close()
        self._lines.close()

    def metrics(self, values: dict[str, float], epoch: int | None = None) -> None:
        """Report metrics, of one epoch or of the whole run."""
        sys.stdout.write(line(values, epoch) + "\n")
        sys.stdout.flush()
        self._lines.write(json.dumps(({} if epoch is None else {"epoch": epoch}) | values) + "\n")
        self._lines.flush()
        for name, value in values.items():
            self._events.add_scalar(name.replace(":", "/"), value, epoch)


def line(values: dict[str, float], epoch: int | None = None) -> str:
    """One log line: `name=value;` pairs with plain decimals, because the metric patterns know no exponents."""
    parts = [] if epoch is None else [f"epoch={epoch};"]
    return " ".join([*parts, *(f"{name}={value:.6f};" for name, value in values.items())])


def say(text: str) -> None:
    """A line for people."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
