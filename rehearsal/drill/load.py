"""Requests at a steady rate, each with its fate: what is due at a time is sent then, however slow the answers are."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import Any, Literal

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from rehearsal.actors import Actor

WORKERS = 24
PATIENCE_S = 20

Fate = Literal["good", "refused by its model", "lost"]
GOOD: Fate = "good"
BAD: Fate = "refused by its model"
LOST: Fate = "lost"


@dataclass(frozen=True)
class Asked:
    """One request: when it was due (seconds of the drill), how long its answer took from then on, who answered what.

    ``lost`` is whatever no model answered: a broken connection, no answer in time, a refusal of the service itself.
    """

    due: float
    taken_s: float
    fate: Fate
    version: str
    detail: str = ""


class Load:
    """A context manager that asks an endpoint for as long as it is open; ``asked`` grows meanwhile."""

    def __init__(self, caller: Actor, endpoint: str, body: bytes, *, rate: float, begun: float) -> None:
        settings = Config(max_pool_connections=WORKERS, read_timeout=PATIENCE_S, connect_timeout=PATIENCE_S)
        self._runtime = caller.client("sagemaker-runtime", settings)
        self._endpoint, self._body, self._rate, self._begun = endpoint, body, rate, begun
        self._first = time.monotonic()
        self._next = 0
        self._lock, self._over = threading.Lock(), threading.Event()
        self._workers = [threading.Thread(target=self._work, name=f"load {k}") for k in range(WORKERS)]
        self.asked: list[Asked] = []

    def __enter__(self) -> Load:
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for worker in self._workers:
            worker.join()

    def _work(self) -> None:
        while True:
            with self._lock:
                due = self._first + self._next / self._rate
                self._next += 1
            if self._over.wait(max(0.0, due - time.monotonic())):
                return
            fate, version, detail = self._ask()
            self.asked.append(Asked(due - self._begun, time.monotonic() - due, fate, version, detail))

    def _ask(self) -> tuple[Fate, str, str]:
        try:
            answer = self._runtime.invoke_endpoint(
                EndpointName=self._endpoint, Body=self._body, ContentType="image/png"
            )
            return GOOD, str(json.load(answer["Body"])["model"]["version"]), ""
        except ClientError as error:
            if error.response["Error"]["Code"] == "ModelError" and of_model(error.response):
                return BAD, "", ""
            return LOST, "", str(error)
        except (BotoCoreError, OSError, ValueError, KeyError) as error:
            return LOST, "", repr(error)


def of_model(response: dict[str, Any]) -> bool:
    """Whether an error is the model's own answer: a document of the server that names the model, not a silence."""
    try:
        return (
            int(response["OriginalStatusCode"]) == 500 and json.loads(response["OriginalMessage"])["field"] == "model"
        )
    except (KeyError, ValueError, TypeError):
        return False
