"""The processes that send, as their conductor sees them: one order for all, one sum of what all counted.

Locust carries the messages: to workers over its own connections, and to itself when it runs alone.
"""

from __future__ import annotations

import time
from typing import Any

import gevent
from gevent.queue import Empty, Queue
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

from loadtest.books import Book
from loadtest.crew import Crew

BEGIN, PAUSE, TAKE, TAKEN, GIVE_UP = (f"slipway.{name}" for name in ("begin", "pause", "take", "taken", "give_up"))
ANSWER_TIMEOUT_S = 30.0
# How often the conductor looks for lost workers while it waits for the others.
LOOK_EVERY_S = 0.25


class LostWorkerError(RuntimeError):
    """A process that was sending is gone, and with it what it had counted."""


def follow(runner: LocalRunner | WorkerRunner, crew: Crew) -> None:
    """Let the crew of this process follow its conductor's orders."""

    def begin(msg: Any, **_: Any) -> None:
        ids = msg.data["ids"]
        if runner.client_id in ids:
            crew.begin(msg.data["order"], ids.index(runner.client_id), len(ids))

    def take(msg: Any, **_: Any) -> None:
        sender = {"serial": msg.data["serial"], "from": runner.client_id, "digest": crew.digest}
        counted = {**sender, **crew.recorder.take()}
        runner.send_message(TAKEN, counted)

    runner.register_message(BEGIN, begin)
    runner.register_message(PAUSE, lambda **_: crew.pause())
    runner.register_message(TAKE, take)
    runner.register_message(GIVE_UP, lambda msg, **_: crew.recorder.give_up(msg.data["message"]))
    gevent.spawn(crew.recorder.watch_itself)


class Counted:
    """The sum of what all processes counted since the last time."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.tick, self.lag = Book(), Book()
        self.books: dict[int, Book] = {}
        self.cpu_s: list[float] = []
        self.digests: set[str] = set()

    def add(self, taken: dict[str, Any]) -> None:
        """Add one process's answer to `TAKE`."""
        self.in_flight += taken["in_flight"]
        self.tick.add(taken["tick"])
        self.lag.add(taken["lag"])
        self.cpu_s.append(taken["cpu_s"])
        self.digests.add(taken["digest"])
        for number, wire in taken["books"]:
            self.books.setdefault(number, Book()).add(wire)


class Fleet:
    """All sending processes of a run. The master of a distributed one, or the only process itself, conducts it."""

    def __init__(self, runner: LocalRunner | MasterRunner) -> None:
        self._runner = runner
        self._serial = 0
        self._answers: Queue[dict[str, Any]] = Queue()
        runner.register_message(TAKEN, lambda msg, **_: self._answers.put(msg.data))
        self._ids: list[str] = []

    def muster(self, expected: int) -> None:
        """Take those that are there now for the whole run.

        Raises
        ------
        LostWorkerError
            Fewer or more than expected are there, or they do not all send the same.
        """
        self._ids = self._present()
        if len(self._ids) != expected:
            raise LostWorkerError(f"{len(self._ids)} of {expected} workers are there")
        if len(self.take().digests) > 1:
            raise LostWorkerError(
                "the workers do not all send the same: give each the same options, and the same payloads"
            )

    def begin(self, order: dict[str, Any]) -> None:
        """Let all of them begin with a level of load."""
        self._runner.send_message(BEGIN, {"order": order, "ids": self._ids})

    def pause(self) -> None:
        """Let none of them send anything more."""
        self._runner.send_message(PAUSE, {})

    def give_up(self, message: str) -> None:
        """Let all of them count what is still unanswered as failed."""
        self._runner.send_message(GIVE_UP, {"message": message})

    def take(self) -> Counted:
        """Return what all of them counted since the last time.

        Raises
        ------
        LostWorkerError
            One of them is gone, or does not answer.
        """
        self._serial += 1
        self._runner.send_message(TAKE, {"serial": self._serial})
        counted, waiting = Counted(), set(self._ids)
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        while waiting:
            try:
                taken = self._answers.get(timeout=LOOK_EVERY_S)
            except Empty:
                self._demand(waiting, deadline)
                continue
            if taken["serial"] == self._serial and taken["from"] in waiting:
                waiting.remove(taken["from"])
                counted.add(taken)
        return counted

    def _demand(self, waiting: set[str], deadline: float) -> None:
        lost = sorted(waiting - set(self._present()))
        if lost:
            raise LostWorkerError(f"lost {len(lost)} of {len(self._ids)} workers: {', '.join(lost)}")
        if time.monotonic() > deadline:
            silent = ", ".join(sorted(waiting))
            raise LostWorkerError(f"no answer within {ANSWER_TIMEOUT_S:.0f} s from {silent}: too busy, or cut off")

    def _present(self) -> list[str]:
        if isinstance(self._runner, LocalRunner):
            return [self._runner.client_id]
        clients = self._runner.clients
        return sorted(client.id for client in (*clients.ready, *clients.spawning, *clients.running))
