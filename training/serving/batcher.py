"""Runs the model in one thread, on whatever has arrived since the last run.

Nothing waits for a batch to fill: an idle server answers one image at once, a busy one takes up to a batch together.
The event loop stays free to accept, to refuse and to answer pings meanwhile.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from training.serving import model as models
from training.serving.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.serving.settings import Settings


class _Item(NamedTuple):
    body: bytes
    answer: asyncio.Future[list[dict[str, Any]]]


class Batcher:
    """One model and the thread that runs it.

    Attributes
    ----------
    model
        None until it is loaded and warm.
    failure
        Why it could not be loaded, if so.
    """

    def __init__(self, settings: Settings, on_loaded: Callable[[], None]) -> None:
        self.model: models.Model | None = None
        self.failure: Exception | None = None
        self._settings = settings
        self._on_loaded = on_loaded
        self._loop = asyncio.get_running_loop()
        self._items: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._waiting = 0
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    def submit(self, bodies: list[bytes]) -> list[asyncio.Future[list[dict[str, Any]]]]:
        """Queue images; each future gives the ranked classes, or raises `RequestError`.

        Raises
        ------
        RequestError
            503: not loaded yet, or too many images are waiting already.
        """
        if self.model is None:
            raise RequestError(503, "server", "starting", "the model is being loaded; try again")
        if self._waiting + len(bodies) > self._settings.queue:
            raise RequestError(503, "queue", self._waiting, f"at most {self._settings.queue} images wait; try again")
        self._waiting += len(bodies)
        items = [_Item(body, self._loop.create_future()) for body in bodies]
        for item in items:
            self._items.put(item)
        return [item.answer for item in items]

    async def stop(self) -> None:
        """Finish what is queued and end the thread."""
        self._items.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        try:
            self.model = models.load(self._settings)
        except Exception as error:  # whatever it is, the server must end instead of answering 503 for ever
            self.failure = error
        self._loop.call_soon_threadsafe(self._on_loaded)
        if self.model is None:
            return
        while (item := self._items.get()) is not None:
            items, last = self._greedy(item)
            results = _answers(self.model, items)
            self._loop.call_soon_threadsafe(self._settle, items, results)
            if last:
                return

    def _greedy(self, first: _Item) -> tuple[list[_Item], bool]:
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

    def _settle(self, items: list[_Item], results: list[list[dict[str, Any]] | Exception]) -> None:
        self._waiting -= len(items)
        for item, result in zip(items, results, strict=True):
            if item.answer.done():  # its client has gone
                continue
            if isinstance(result, Exception):
                item.answer.set_exception(result)
            else:
                item.answer.set_result(result)


def _answers(model: models.Model, items: list[_Item]) -> list[list[dict[str, Any]] | Exception]:
    """One result per item; a bad image spoils only its own."""
    results: list[Any] = []
    for item in items:
        try:
            results.append(models.decode(model, item.body))
        except RequestError as error:
            results.append(error)
        except Exception as error:  # OpenCV raises its own kinds on bytes it cannot stomach
            results.append(RequestError(400, "body", type(error).__name__, "cannot be decoded; send an undamaged file"))
    good = [k for k, result in enumerate(results) if not isinstance(result, Exception)]
    if not good:
        return results
    try:
        for k, probabilities in zip(good, models.infer(model, [results[k] for k in good]), strict=True):
            results[k] = models.rank(model, probabilities)
    except Exception as error:  # the thread must outlive any failure of the model
        for k in good:
            results[k] = RequestError(500, "model", type(error).__name__, "the model failed; see the server's log")
    return results
