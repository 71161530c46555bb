"""The parts of the drills: books that lose no request, alarms read from Terraform, a gate that is checked, a table."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from loadtest.slo import Slo, judge
from rehearsal.faults import __main__ as command
from rehearsal.faults import alarms
from rehearsal.faults.bodies import LARGEST, bodies
from rehearsal.faults.drill import Phase, Row
from rehearsal.faults.errors import DrillError
from rehearsal.faults.load import Answered, Load, bad_for, figures, kind_of, kinds, percentile, plain
from rehearsal.faults.table import page, summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"


class Scripted:
    """A server that answers requests in turn with what it has; None closes the connection instead."""

    def __init__(self, answers: list[bytes | None]) -> None:
        self._answers, self._lock = iter(answers), threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(ConnectionResetError):
            while connection.recv(65_536):
                with self._lock:
                    answer = next(self._answers, GOOD)
                if answer is None:
                    return
                connection.sendall(answer)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def scripted() -> Iterator[Callable[[list[bytes | None]], Scripted]]:
    made: list[Scripted] = []

    def make(answers: list[bytes | None]) -> Scripted:
        made.append(Scripted(answers))
        return made[-1]

    yield make
    for server in made:
        server.close()


def books(server: Scripted, most: int) -> Load:
    with Load(server.url, [plain(server.url, "/", b"x", {})], users=3, pause_s=0.0, most=most) as running:
        deadline = time.monotonic() + 10
        while len(running.answered) < most and time.monotonic() < deadline:
            time.sleep(0.01)
    return running


def test_every_request_is_in_the_books(scripted: Callable[[list[bytes | None]], Scripted]) -> None:
    running = books(scripted([GOOD, None, BUSY, b"nonsense\r\n\r\n", BUSY]), 60)
    assert running.sent == len(running.answered) == 60
    assert kinds(running.answered) == {
        "ok": 56, "503": 2, "lost IncompleteReadError": 1, "lost IndexError": 1
    }  # fmt: skip
    assert [one.headers["retry-after"] for one in running.answered if one.kind == "503"] == ["1", "1"]
    assert all(one.ms >= 0 for one in running.answered)


def test_nobody_there_is_lost_and_counted() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        running = Load(url, [plain(url, "/", b"", {})], most=5, pause_s=0.0)
        with running:
            deadline = time.monotonic() + 10
            while len(running.answered) < 5 and time.monotonic() < deadline:
                time.sleep(0.01)
    assert set(kinds(running.answered)) == {"lost ConnectionRefusedError"}
    assert running.sent == len(running.answered)


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind"),
    [
        (200, {}, b"{}", "ok"),
        (200, {"x-amz-function-error": "Unhandled"}, b'{"errorType": "ModelUnavailable"}', "ModelUnavailable"),
        (424, {"x-amzn-errortype": "ModelError"}, b'{"OriginalStatusCode": 503}', "ModelError 503"),
        (400, {"x-amzn-errortype": "ThrottlingException"}, b'{"message": "Rate exceeded"}', "ThrottlingException"),
        (503, {}, b"<html>", "503"),
        (500, {}, b"[]", "500"),
    ],
)
def test_how_a_request_ended_is_one_word(status: int, headers: dict[str, str], body: bytes, kind: str) -> None:
    assert kind_of(status, headers, body) == kind


def test_figures_are_those_of_the_gate() -> None:
    answered = [Answered(0.0, float(ms), "ok") for ms in range(1, 101)]
    answered[99] = Answered(0.0, 100.0, "ModelError 500")
    found = figures(answered, 10.0)
    assert (found["requests"], found["failures"], found["rps"]) == (100, 1, 10.0)
    assert (found["p50_ms"], found["p95_ms"], found["p99_ms"]) == (50.0, 95.0, 99.0)
    assert figures([], 1.0)["p95_ms"] is None
    assert percentile([7.0], 0.95) == 7.0


def test_the_last_bad_moment_is_found() -> None:
    calm = [Answered(t / 100, 5.0, "ok") for t in range(400)]
    assert bad_for(calm, 0.0, 100.0) == 0.0
    assert bad_for([*calm, Answered(1.0, 250.0, "ModelError 500")], 0.0, 100.0) == 1.25  # when it was answered
    slow = [Answered(1.5 + t / 100, 500.0, "ok") for t in range(30)]
    assert bad_for([*calm, *slow], 0.0, 100.0) == 2.5
    assert bad_for([*calm, Answered(3.0, 500.0, "ok")], 0.0, 100.0) == 0.0  # one late answer is no fault
    assert bad_for([*calm, Answered(1.0, 5.0, "lost")], 2.0, 100.0) == 0.0


@pytest.mark.parametrize(
    ("module", "alarm", "instance", "metric", "threshold"),
    [
        ("endpoint", "errors", "vehicles_endpoint", "Invocation5XXErrors", ("alarms", "error_count", 1)),
        ("endpoint", "latency", "vehicles_endpoint", "ModelLatency", ("alarms", "latency_p99_ms", 1000)),
        (
            "endpoint",
            "capacity",
            "vehicles_endpoint",
            "InvocationsPerInstance",
            ("scaling", "invocations_per_instance", 1),
        ),
    ],
)
def test_alarms_are_those_of_the_module(
    module: str, alarm: str, instance: str, metric: str, threshold: tuple[str, str, int]
) -> None:
    made = alarms.request(module, alarm, instance=instance, name="mine", topic="arn:topic")
    group, name, factor = threshold
    assert made["Threshold"] == alarms.inputs(instance)[group][name] * factor
    assert (made["MetricName"], made["AlarmActions"], made["OKActions"]) == (metric, ["arn:topic"], ["arn:topic"])
    assert made["AlarmName"].startswith("mine-")
    assert {d["Name"]: d["Value"] for d in made["Dimensions"]} == {
        "EndpointName": "mine",
        "VariantName": alarms.variant(),
    }


def test_an_alarm_takes_its_module_s_default_where_the_environment_is_silent() -> None:
    made = alarms.request("function", "errors", instance="vehicles_classify_image", name="mine", topic="arn:topic")
    assert "error_count" not in alarms.inputs("vehicles_classify_image")["alarms"]
    assert made["Threshold"] >= 1


@pytest.mark.parametrize(
    ("module", "alarm", "instance", "message"),
    [
        ("endpoint", "nothing", "vehicles_endpoint", "has 0 alarms named 'nothing', expected one"),
        (
            "endpoint",
            "errors",
            "vehicles_classify_image",
            "vehicles_classify_image is a .*/function, expected the module",
        ),
    ],
)
def test_an_alarm_that_is_not_there_is_named(module: str, alarm: str, instance: str, message: str) -> None:
    with pytest.raises(DrillError, match=message):
        alarms.request(module, alarm, instance=instance, name="mine", topic="arn:topic")


def test_what_an_alarm_is_written_in_is_understood_or_refused() -> None:
    scope = {"var": {"a": {"b": 2}}, "local": {"_x": '"${var.a.b}-x"'}}
    assert alarms._value("${var.a.b * 1000 * 2}", scope) == 4000.0
    assert alarms._value('"a ${local._x} z"', scope) == "a 2-x z"
    for text in ("${max(1, var.a.b)}", "${var.a.c}", "${local.y}"):
        with pytest.raises(DrillError, match="in an alarm of Terraform"):
            alarms._value(text, scope)


def test_bodies_are_the_same_every_time_and_of_every_kind() -> None:
    first, again = (list(bodies(300, random.Random(7))) for _ in range(2))  # noqa: S311
    assert first == again
    assert sum(len(body) > LARGEST for body, _ in first) == 3
    assert {"image/png", "image/jpeg", "application/json", "text/html"} <= {kind for _, kind in first}
    assert len({body for body, _ in first}) > 200


def row(**changes: object) -> Row:
    answered = [Answered(0.0, 5.0, "ok")] * 200
    phase = Phase(answered, 1.0, judge(figures(answered, 1.0), Slo(p95_ms=100.0)))
    broken = Phase(answered, 1.0, judge({**figures(answered, 1.0), "failures": 9}, Slo(p95_ms=100.0)))
    made = Row("5XX burst", 600, {"ModelError 500": 9}, phase, broken, phase, "drill-1-5xx", 1.25, 3.5, 0.5)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_the_table_says_all_of_a_row() -> None:
    text = page([row(notes=["a note"]), row(alarm="", fired_s=None, cleared_s=None, failed={})], 20.0)
    assert (
        "| 5XX burst | 600 | 9 x ModelError 500 | 5 / 5 / 5 ms | broken: failures | 5xx | 1.2 s | 3.5 s | 0.5 s |"
        in text
    )
    assert "| 5XX burst | 600 | none | 5 / 5 / 5 ms | broken: failures | none | - | - | 0.5 s |" in text
    assert "- 5XX burst: a note" in text
    assert summary(row()) == "600 requests, 9 failed, drill-1-5xx fired after 1.2 s, recovered after 0.5 s"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["flood"], "drill 'flood': there is none of that name; known: server-killed"),
        (["--speed", "0"], "speed 0: give a number above 0"),
        (["--out", "/nowhere/page.md"], "the folder /nowhere does not exist"),
    ],
)
def test_wrong_arguments_name_the_remedy(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
