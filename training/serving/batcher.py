"""Runs the model in one thread, on whatever has arrived since the last run.

Nothing waits for a batch to fill: an idle server answers one image at once, a busy one takes up to a batch together.
The event loop stays free to accept, to refuse and to answer pings meanwhile.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from typing import TYPE_CHECKING

from training.serving.errors import RequestError
from training.serving.log import log

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from training.serving.metrics import Row
    from training.serving.settings import Settings

    Answer = bytes | RequestError
    Answerer = Callable[[Sequence[bytes], Row], Sequence[Answer]]
    """From the bytes of images to one answer each, in their order."""

    Item = tuple[bytes, asyncio.Future[bytes]]

_SWEEP_S = 0.25
"""How often what waits is looked through for what has waited too long: a timer per request would cost more."""
_JOIN_S = 5.0
"""For the last run; all that was asked for has been answered or given up by then."""


class Batcher:
    """One model, the thread that runs it, and what waits for it. Made inside a running event loop."""

    def __init__(self, answerer: Answerer, settings: Settings, row: Row, when_stuck: Callable[[], None]) -> None:
        self._answerer = answerer
        self._settings = settings
        self._row = row
        self._when_stuck = when_stuck
        self._run_began: float | None = None
        self._loop = asyncio.get_running_loop()
        self._items: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._waiting = 0
        self._deadlines: list[tuple[float, asyncio.Future[bytes]]] = []
        self._sweeping = False
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    def submit(self, bodies: Sequence[bytes], began: float) -> list[asyncio.Future[bytes]]:
        """Queue images; each future gives its answer, or raises `RequestError`.

        Parameters
        ----------
        began
            When the request began, by the event loop's clock.

        Raises
        ------
        RequestError
            503: too many images are waiting already.
        """
        if self._waiting + len(bodies) > self._settings.queue:
            raise RequestError(503, "queue", self._waiting, f"at most {self._settings.queue} images wait; try again")
        self._waiting += len(bodies)
        self._row.add("queue", len(bodies))
        deadline = began + self._settings.timeout_s
        futures = []
        for body in bodies:
            future = self._loop.create_future()
            self._deadlines.append((deadline, future))
            self._items.put((body, future))
            futures.append(future)
        if not self._sweeping:
            self._sweeping = True
            self._loop.call_later(_SWEEP_S, self._sweep)
        return futures

    async def stop(self) -> None:
        """Finish what is queued and end the thread; one that does not come back is left behind."""
        self._items.put(None)
        await asyncio.to_thread(self._thread.join, _JOIN_S)

    def _sweep(self) -> None:
        """Give up what has waited too long; the thread skips what has its answer.

        A run that outlasts two such times will not come back, and nothing can stop it but the end of the process.
        """
        now = self._loop.time()
        remedy = f"not answered within {self._settings.timeout_s} s; try again later, or with fewer images"
        for deadline, future in self._deadlines:
            if deadline <= now and not future.done():
                future.set_exception(RequestError(504, "request", "too old", remedy))
        self._deadlines = [entry for entry in self._deadlines if not entry[1].done()]
        began = self._run_began
        if began is not None and now - began > 2 * self._settings.timeout_s:
            self._when_stuck()
        self._sweeping = self._waiting > 0
        if self._sweeping:
            self._loop.call_later(_SWEEP_S, self._sweep)

    def _run(self) -> None:
        while (item := self._items.get()) is not None:
            items, last = self._greedy(item)
            wanted = [item for item in items if not item[1].done()]
            self._run_began = self._loop.time()
            answers = self._answer([body for body, _ in wanted]) if wanted else ()
            self._run_began = None
            try:
                self._loop.call_soon_threadsafe(self._settle, len(items), wanted, answers)
            except RuntimeError:  # the event loop did not wait for this run, and has ended
                return
            if last:
                return

    def _greedy(self, first: Item) -> tuple[list[Item], bool]:
        """What is there by now, up to a batch; and whether the end was among it."""
        items = [first]
        while len(items) < self._settings.batch:
            try:
                item = self._items.get_nowait()
            except queue.Empty:
                break
            if item is None:
                return items, True
            items.append(item)
        return items, False

    def _answer(self, bodies: Sequence[bytes]) -> Sequence[Answer]:
        try:
            return self._answerer(bodies, self._row)
        except Exception as error:  # the thread must outlive any failure of the model
            log("model failed", images=len(bodies), reason=f"{type(error).__name__}: {str(error)[:300]}")
            return [RequestError(500, "model", type(error).__name__, "the model failed; see the server's log")] * len(
                bodies
            )

    def _settle(self, taken: int, items: Sequence[Item], answers: Sequence[Answer]) -> None:
        self._waiting -= taken
        self._row.add("queue", -taken)
        for (_, future), answer in zip(items, answers, strict=True):
            if future.done():  # given up, or its client has gone
                continue
            if isinstance(answer, bytes):
                future.set_result(answer)
            else:
                future.set_exception(answer)
