"""Several processes that train one model: who they are, how they find each other, what they say when one fails.

Who a process is comes from torchrun's variables (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT) or, where one
runs on each host and nobody started torchrun, from SageMaker's (SM_HOSTS, SM_CURRENT_HOST).
https://docs.pytorch.org/docs/stable/elastic/run.html#environment-variables
https://github.com/aws/sagemaker-training-toolkit/blob/master/ENVIRONMENT_VARIABLES.md
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed

from training.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

PORT = 7777
"""Where processes of several hosts meet, unless MASTER_PORT says otherwise."""

PATIENCE_S = 600.0
"""How long a process waits for the others before it gives up."""

_FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Place:
    """Which of several processes this one is; `ranks` is how many there are."""

    rank: int = 0
    ranks: int = 1
    local_rank: int = 0
    address: str = ""
    port: int = PORT
    agent_store: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """The processes that share a job, seen from one of them, and the device it computes on."""

    rank: int
    ranks: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    def total(self, values: Tensor) -> Tensor:
        """The sum over all processes, in all of them."""
        if self.ranks > 1:
            distributed.all_reduce(values)
        return values

    def share(self, content: Any) -> Any:
        """What the leading process holds, in all of them."""
        if self.ranks == 1:
            return content
        held = [content]
        distributed.broadcast_object_list(held, src=0, device=self.device)
        return held[0]


def place(environment: Mapping[str, str]) -> Place:
    """Which process this is.

    Raises
    ------
    TrainingError
        Variables that contradict each other.
    """
    if "RANK" in environment and "WORLD_SIZE" in environment:
        rank, ranks = whole(environment, "RANK"), whole(environment, "WORLD_SIZE")
        if not rank < ranks:
            raise TrainingError("RANK", rank, f"must be below WORLD_SIZE, {ranks}; let torchrun set both")
        return Place(
            rank,
            ranks,
            whole(environment, "LOCAL_RANK", 0),
            environment.get("MASTER_ADDR", "127.0.0.1"),
            whole(environment, "MASTER_PORT", PORT),
            # torchrun's agent keeps the store that its processes meet in, unless it was told not to.
            environment.get("TORCHELASTIC_USE_AGENT_STORE") == "True",
        )
    hosts, current = hosts_of(environment)
    if len(hosts) == 1:
        return Place()
    return Place(hosts.index(current), len(hosts), 0, hosts[0], whole(environment, "MASTER_PORT", PORT))


@contextmanager
def join(where: Place, patience_s: float = PATIENCE_S) -> Iterator[Group]:
    """Meet the other processes (NCCL where there are GPUs, else gloo) and stay with them for the `with` block.

    Raises
    ------
    TrainingError
        Another process failed, for the reason it gave; or the others did not come.
    """
    device = _device(where)
    if where.ranks == 1:
        yield Group(0, 1, device)
        return
    wait = timedelta(seconds=patience_s)
    try:
        meeting = distributed.TCPStore(
            where.address, where.port, where.ranks, where.rank == 0 and not where.agent_store, wait
        )
        store = distributed.PrefixStore("slipway", meeting)
        backend = "nccl" if device.type == "cuda" else "gloo"
        distributed.init_process_group(backend, store=store, rank=where.rank, world_size=where.ranks, timeout=wait)
    except (RuntimeError, ValueError) as error:
        met = f"{where.address}:{where.port}"
        raise TrainingError(
            "MASTER_ADDR", met, f"{where.ranks} processes did not meet there ({_brief(error)})"
        ) from None
    try:
        yield Group(where.rank, where.ranks, device)
    except BaseException as error:
        other = _said(store)
        if other and other["rank"] != where.rank:
            reason = f"process {other['rank']} failed: {other['reason']}"
            raise TrainingError("processes", where.ranks, reason) from error
        _say(store, where.rank, error)
        raise
    distributed.destroy_process_group()


def _device(where: Place) -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    if where.local_rank >= torch.cuda.device_count():
        remedy = f"there are {torch.cuda.device_count()} GPUs; start one process per GPU"
        raise TrainingError("LOCAL_RANK", where.local_rank, remedy)
    torch.cuda.set_device(where.local_rank)
    return torch.device("cuda", where.local_rank)


def _say(store: distributed.Store, rank: int, error: BaseException) -> None:
    """Leave the reason where the others look for it; best effort, because this process is about to end."""
    try:
        store.set(_FAILURE, json.dumps({"rank": rank, "reason": _brief(error)}))
    except RuntimeError:
        sys.stderr.write("the other processes could not be told why this one ends\n")


def _said(store: distributed.Store) -> dict[str, Any] | None:
    try:
        if not store.check([_FAILURE]):
            return None
        reason: dict[str, Any] = json.loads(store.get(_FAILURE))
    except (RuntimeError, ValueError):
        # The store went down with the process that kept it, which is the first.
        return {"rank": 0, "reason": "it ended, and with it the store of reasons; its own log has more"}
    return reason


def _brief(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:400]


def threads() -> int:
    """Threads that each of torchrun's processes on this host may use: their share of the cores."""
    return max(1, len(os.sched_getaffinity(0)) // max(1, whole(os.environ, "LOCAL_WORLD_SIZE", 1)))


def whole(environment: Mapping[str, str], name: str, default: int | None = None) -> int:
    """A variable that must be a whole number of at least 0.

    Raises
    ------
    TrainingError
        It is not.
    """
    text = environment.get(name, "" if default is None else str(default))
    if not (text.isascii() and text.isdigit()):
        raise TrainingError(name, text, "must be a whole number such as 0; let torchrun or SageMaker set it")
    return int(text)


def hosts_of(environment: Mapping[str, str]) -> tuple[list[str], str]:
    """SageMaker's hosts, sorted, and the one this is; without SageMaker a single host.

    Raises
    ------
    TrainingError
        SM_HOSTS is no list of names, or this host is not in it.
    """
    try:
        hosts = sorted(json.loads(environment.get("SM_HOSTS") or '["localhost"]'))
        if not hosts or not all(isinstance(host, str) for host in hosts):
            raise ValueError("no names")
    except (ValueError, TypeError) as error:
        remedy = f'must be a JSON list such as ["algo-1", "algo-2"] ({error})'
        raise TrainingError("SM_HOSTS", environment.get("SM_HOSTS", ""), remedy) from None
    current = environment.get("SM_CURRENT_HOST") or hosts[0]
    if current not in hosts:
        raise TrainingError("SM_CURRENT_HOST", current, f"must be one of SM_HOSTS: {', '.join(hosts)}")
    return hosts, current
