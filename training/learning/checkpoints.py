"""What a fit can be taken up from again, written whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from training.errors import TrainingError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from training.learning.distributed import Group

CHECKPOINT = "checkpoint.pt"


@dataclass(slots=True)
class State:
    """Where a fit stands; `epoch` is the next one to do."""

    epoch: int
    best_loss: float
    best_epoch: int
    best_weights: dict[str, Tensor]


class Parts(NamedTuple):
    """What changes while fitting, and so belongs in a checkpoint."""

    network: nn.Module
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler


def save(folder: Path | None, parts: Parts, state: State, identity: str) -> None:
    """Write a checkpoint, if there is a folder for it.

    Parameters
    ----------
    identity
        Of the job; only one with the same identity takes the checkpoint up.
    """
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {name: part.state_dict() for name, part in parts._asdict().items()}
    content |= {"state": {name: getattr(state, name) for name in State.__slots__}, "identity": identity}
    partial = folder / f"{CHECKPOINT}.part"
    torch.save(content, partial)
    partial.replace(folder / CHECKPOINT)


def resume(folder: Path | None, parts: Parts, identity: str, group: Group | None = None) -> State | None:
    """Put the parts in the state of the checkpoint in `folder`; None, and nothing changed, where this job has none.

    Parameters
    ----------
    group
        Processes that go on together: the leading one reads, as only its host may have the file.

    Raises
    ------
    TrainingError
        The file cannot be used.
    """
    path = None if folder is None else folder / CHECKPOINT
    content: dict[str, Any] | None = None
    try:
        if path is not None and path.is_file() and (group is None or group.leads):
            content = torch.load(path, map_location="cpu", weights_only=True)
        if group is not None:
            content = group.share(content)
        if content is None or content["identity"] != identity:
            return None
        for name, part in parts._asdict().items():
            part.load_state_dict(content[name])
        return State(**content["state"])
    except Exception as error:  # torch raises many kinds for a file that is not its own
        raise TrainingError("checkpoint", str(path), f"cannot be taken up ({error}); remove it to start over") from None
