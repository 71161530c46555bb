"""What the application does with more than it can take: with a model that answers when the test says so."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import threading
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from tests.unit.serving.serving_server import figures
from training.serving import batcher
from training.serving.app import App
from training.serving.settings import Settings

PNG = [(b"content-type", b"image/png")]


class Gate:
    """A model that holds every batch until it is opened."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.began = threading.Event()
        self.open = threading.Event()

    def __call__(self, bodies: Sequence[bytes], _row: object) -> list[bytes]:
        self.seen += bodies
        self.began.set()
        assert self.open.wait(30)
        return [b"[]"] * len(bodies)


def request(body: bytes, app: App, headers: Sequence[tuple[bytes, bytes]] = PNG, *, cut: bool = False) -> Any:
    """A coroutine: the status, document and headers of the answer; None where there was none."""
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": cut}]
    messages.append({"type": "http.disconnect"})
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def run() -> tuple[int, Any, dict[bytes, bytes]] | None:
        scope = {"type": "http", "path": "/invocations", "method": "POST", "headers": list(headers)}
        await app(scope, receive, send)
        return (sent[0]["status"], json.loads(sent[1]["body"]), dict(sent[0]["headers"])) if sent else None

    return run()


@contextlib.asynccontextmanager
async def running(model: Any, when_stuck: Any = lambda: None, **changes: int) -> AsyncIterator[App]:
    app = App(dataclasses.replace(Settings(), **changes), model, "gate", "1", when_stuck=when_stuck)  # type: ignore[arg-type]
    stop, started = asyncio.Event(), asyncio.Event()
    messages = iter(({"type": "lifespan.startup"}, None))

    async def receive() -> dict[str, Any]:
        message = next(messages)
        if message is None:
            await stop.wait()
        return message or {"type": "lifespan.shutdown"}

    async def send(_: dict[str, Any]) -> None:
        started.set()

    life = asyncio.create_task(app({"type": "lifespan"}, receive, send))
    await started.wait()
    try:
        yield app
    finally:
        if isinstance(model, Gate):
            model.open.set()
        stop.set()
        await life


async def metrics(app: App) -> dict[str, float]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app({"type": "http", "path": "/metrics", "method": "GET", "headers": []}, None, send)  # type: ignore[arg-type]
    return figures(sent[1]["body"].decode())


async def begun(gate: Gate) -> None:
    assert await asyncio.to_thread(gate.began.wait, 10)


def test_a_full_queue_refuses_and_says_when_to_come_again():
    async def scenario() -> None:
        gate = Gate()
        async with running(gate, queue=2) as app:
            waiting = [asyncio.create_task(request(body, app)) for body in (b"a", b"b")]
            await begun(gate)
            status, document, headers = await request(b"c", app)
            assert (status, document["field"], headers[b"retry-after"]) == (503, "queue", b"1")
            assert "at most 2" in document["remedy"]
            assert (await metrics(app))["slipway_queue_images"] == 2

            gate.open.set()
            assert [(await task)[0] for task in waiting] == [200, 200]
            assert (await request(b"d", app))[0] == 200
            assert (await metrics(app))["slipway_queue_images"] == 0
        assert b"c" not in gate.seen

    asyncio.run(scenario())


def test_a_batch_that_cannot_fit_the_queue_is_refused_whole():
    async def scenario() -> None:
        gate = Gate()
        gate.open.set()
        body = json.dumps({"instances": [{"b64": "YQ=="}] * 3}).encode()
        async with running(gate, queue=2) as app:
            assert (await request(body, app, [(b"content-type", b"application/json")]))[0] == 503
            assert gate.seen == []

    asyncio.run(scenario())


def test_what_has_waited_too_long_is_answered_and_never_run():
    async def scenario() -> None:
        gate = Gate()
        async with running(gate, timeout_s=1, batch=1) as app:
            tasks = [asyncio.create_task(request(body, app)) for body in (b"first", b"second")]
            answers = await asyncio.gather(*tasks)
            assert [(status, document["error"]) for status, document, _ in answers] == [(504, "GatewayTimeout")] * 2
            gate.open.set()
            assert (await request(b"third", app))[0] == 200
            assert (await metrics(app))["slipway_queue_images"] == 0
        assert gate.seen == [b"first", b"third"]

    asyncio.run(scenario())


def test_a_model_that_does_not_come_back_is_noticed():
    async def scenario() -> None:
        stuck = asyncio.Event()
        gate = Gate()
        async with running(gate, stuck.set, timeout_s=1) as app:
            assert (await request(b"a", app))[0] == 504
            assert not stuck.is_set()
            await asyncio.wait_for(stuck.wait(), 10)

    asyncio.run(scenario())


def test_a_model_that_does_not_come_back_does_not_hold_up_the_end(monkeypatch):
    monkeypatch.setattr(batcher, "_JOIN_S", 0.05)

    async def scenario(gate: Gate) -> None:
        app = App(Settings(), gate, "gate", "1")
        messages = iter(["lifespan.startup", "lifespan.shutdown"])
        sent = []

        async def receive() -> dict[str, Any]:
            if sent:
                gate.task = asyncio.create_task(request(b"a", app))  # type: ignore[attr-defined]
                await begun(gate)
            return {"type": next(messages)}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message["type"])

        await app({"type": "lifespan"}, receive, send)
        assert sent[-1] == "lifespan.shutdown.complete"
        gate.task.cancel()  # type: ignore[attr-defined]

    gate = Gate()
    try:
        asyncio.run(asyncio.wait_for(scenario(gate), 10))
    finally:
        gate.open.set()


def test_a_model_that_fails_is_an_answer_and_a_line_in_the_log(capsys):
    calls = []

    def model(bodies: Sequence[bytes], row: object) -> list[bytes]:
        calls.append(bodies)
        if len(calls) == 1:
            raise RuntimeError("no memory")
        return [b"[]"] * len(bodies)

    async def scenario() -> None:
        async with running(model) as app:
            status, document, _ = await request(b"secret", app)
            assert (status, document["error"], document["value"]) == (500, "InternalServerError", "RuntimeError")
            assert (await request(b"again", app))[0] == 200

    asyncio.run(scenario())
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert {"model failed", "refused"} <= {line["event"] for line in lines}
    assert any("no memory" in line.get("reason", "") for line in lines)
    assert "secret" not in str(lines)


def test_bodies_together_hold_no_more_than_they_may():
    async def scenario() -> None:
        gate = Gate()
        async with running(gate, max_body_bytes=1000, max_held_bytes=1500) as app:
            waiting = asyncio.create_task(request(bytes(1000), app))
            await begun(gate)
            assert (await metrics(app))["slipway_held_bytes"] == 1000
            status, document, headers = await request(bytes(900), app)
            assert (status, document["field"], headers[b"retry-after"]) == (503, "held bytes", b"1")
            announced = [*PNG, (b"content-length", b"900")]
            assert (await request(b"", app, announced))[0] == 503
            small = asyncio.create_task(request(bytes(400), app))

            gate.open.set()
            assert [(await task)[0] for task in (waiting, small)] == [200, 200]
            assert (await metrics(app))["slipway_held_bytes"] == 0

    asyncio.run(scenario())


@pytest.mark.parametrize("announced", [b"1500", b"999999999999"])
def test_an_announced_body_beyond_the_limit_is_refused(announced):
    async def scenario() -> None:
        async with running(Gate(), max_body_bytes=1000) as app:
            status, document, headers = await request(bytes(1500), app, [*PNG, (b"content-length", announced)])
            assert (status, document["value"], headers[b"connection"]) == (413, int(announced), b"close")

    asyncio.run(scenario())


def test_a_client_that_leaves_gets_no_answer_and_holds_nothing():
    async def scenario() -> None:
        gate = Gate()
        async with running(gate) as app:
            assert await request(b"half", app, cut=True) is None
            assert (await metrics(app))["slipway_held_bytes"] == 0
        assert gate.seen == []

    asyncio.run(scenario())
