"""Who counts what: the books, the recorder of a process, its crew, and the conductor of the whole run."""

from __future__ import annotations

import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from loadtest import conductor as conducting
from loadtest import recorder as recording
from loadtest import shapes, trends, watch
from loadtest.books import MAX_MESSAGES, Book
from loadtest.capacity.knee import Objective
from loadtest.conductor import Conductor
from loadtest.crew import portion
from loadtest.histogram import percentile
from loadtest.plan import Plan
from loadtest.recorder import Recorder
from loadtest.shapes import Stairs


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float = 0.0) -> None:
        self.now += max(seconds, 1e-4)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    times = types.SimpleNamespace(perf_counter=made, monotonic=made, process_time=made)
    monkeypatch.setattr(recording, "time", times)
    monkeypatch.setattr(conducting, "time", times)
    for module in (conducting, recording):
        monkeypatch.setattr(module, "gevent", types.SimpleNamespace(sleep=made.sleep))
    return made


@given(st.lists(st.tuples(st.floats(0.01, 5000), st.booleans(), st.integers(0, 3)), max_size=80))
def test_books_of_several_processes_add_up_to_the_book_of_one(requests: list[tuple[float, bool, int]]) -> None:
    one, parts = Book(), [Book() for _ in range(4)]
    for ms, failed, part in requests:
        fault = ("HTTP 500", f"text {part}") if failed else None
        one.record(ms, fault)
        parts[part].record(ms, fault)
    total = Book()
    for part in parts:
        total.add(part.wire())
    exact, merged = one.figures(2.0), total.figures(2.0)
    assert merged.pop("mean_ms") == pytest.approx(exact.pop("mean_ms"), abs=0.001)
    key = repr
    assert sorted(merged.pop("errors"), key=key) == sorted(exact.pop("errors"), key=key)
    assert merged == exact


def test_messages_with_ids_do_not_grow_without_bound() -> None:
    book = Book()
    for number in range(10 * MAX_MESSAGES):
        book.record(1.0, ("HTTP 500", f"request {number} failed"))
    errors = book.figures(1.0)["errors"]
    assert len(errors) == MAX_MESSAGES + 1
    assert errors[0] == {"cause": "HTTP 500", "error": "other messages", "count": 9 * MAX_MESSAGES}


def test_a_request_belongs_to_the_time_at_which_it_was_due(clock: Clock) -> None:
    recorder = Recorder()
    recorder.measure(clock.now + 1, 2, 0)
    early = recorder.begin(clock.now)
    clock.sleep(1.5)
    within = recorder.begin(clock.now - 0.2)
    recorder.end(early, None)
    clock.sleep(5)
    recorder.end(within, ("timeout", "no answer in time"))
    recorder.end(within, None)
    book = Book()
    book.add(dict(recorder.take()["books"])[0])
    # The early one ended in the window, which makes throughput; the one that was due in it makes latency.
    assert (book.requests, book.failures, book.answered) == (1, 1, 1)
    assert book.max_ms == pytest.approx(5200)
    assert recorder.take()["books"] == []


def test_a_request_that_was_due_and_sent_late_is_counted_from_when_it_was_due(clock: Clock) -> None:
    recorder = Recorder()
    recorder.measure(clock.now, 1, 0)
    due = clock.now + 0.9
    clock.sleep(1.4)
    recorder.measure(clock.now, 1, 1)
    ticket = recorder.begin(due)
    clock.sleep(0.1)
    recorder.end(ticket, None)
    books = {number: Book() for number in (0, 1)}
    for number, wire in recorder.take()["books"]:
        books[number].add(wire)
    assert (books[0].requests, books[0].max_ms) == (1, pytest.approx(600))
    assert (books[1].requests, books[1].answered) == (0, 1)


def test_a_sender_may_know_better_than_the_clock_how_long_a_request_took(clock: Clock) -> None:
    recorder = Recorder()
    recorder.measure(clock.now, 9, 0)
    ticket = recorder.begin(clock.now)
    clock.sleep(5)
    recorder.end(ticket, None, ms=3500)
    book = Book()
    book.add(dict(recorder.take()["books"])[0])
    assert book.histogram == {3500: 1}


def test_what_is_never_answered_counts_as_failed_with_its_age(clock: Clock) -> None:
    recorder = Recorder()
    recorder.measure(clock.now, 2, 0)
    recorder.begin(clock.now)
    clock.sleep(9)
    assert recorder.take()["in_flight"] == 1
    recorder.give_up("unanswered")
    taken = recorder.take()
    book = Book()
    book.add(dict(taken["books"])[0])
    assert (taken["in_flight"], book.requests, book.failures) == (0, 1, 1)
    assert book.max_ms == pytest.approx(9000)


@given(amount=st.integers(0, 5000), of=st.integers(1, 64))
def test_workers_share_the_users_evenly(amount: int, of: int) -> None:
    portions = [portion(amount, index, of) for index in range(of)]
    assert sum(portions) == amount
    assert max(portions) - min(portions) <= 1


class Ranks:
    """A fleet of one process that answers by a formula: users -> (answers a second, latency in ms)."""

    def __init__(self, clock: Clock, answer: Callable[[float], tuple[float, float]], lag_ms: float = 0.1) -> None:
        self.clock, self.answer, self.lag_ms = clock, answer, lag_ms
        self.orders: list[dict[str, Any]] = []
        self.events: list[str] = []
        self._since = clock.now

    def muster(self, expected: int) -> None:
        self.events.append(f"muster {expected}")

    def begin(self, order: dict[str, Any]) -> None:
        self.orders.append(order | {"at": self.clock.now})

    def pause(self) -> None:
        self.events.append("pause")

    def give_up(self, message: str) -> None:
        self.events.append(message)

    def take(self) -> Any:
        seconds, self._since = self.clock.now - self._since, self.clock.now
        tick, lag, books = Book(), Book(), {}
        if seconds > 0 and self.orders:
            order = self.orders[-1]
            rps, ms = self.answer(order["amount"])
            for _ in range(round(rps * seconds)):
                tick.record(ms, None)
            if self.clock.now > order["at"] + order["settle_s"]:
                books[order["book"]] = Book()
                books[order["book"]].add(tick.wire())
                books[order["book"]].answered = tick.requests
            lag.record(self.lag_ms, None)
        return types.SimpleNamespace(in_flight=0, tick=tick, lag=lag, books=books, cpu_s=[0.1 * seconds], digests={""})


def conduct(plan: Plan, ranks: Ranks) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    said: list[dict[str, Any]] = []
    Conductor(plan, ranks, lambda kind, facts: said.append({"kind": kind, **facts})).run()  # type: ignore[arg-type]
    assert "warm" in {said[0]["kind"], said[1]["kind"]}
    assert said[-1]["kind"] == "result"
    return said[-1], said


def saturating(users: float) -> tuple[float, float]:
    """Eight users fill it: 100 requests a second each until then, queues afterwards."""
    return (100 * users, 10.0) if users <= 8 else (800.0, 10.0 * users / 8)


def test_stairs_stop_where_throughput_is_flat_and_measure_its_neighbourhood(clock: Clock) -> None:
    rules = Stairs(Objective(100), refine=3, min_requests=10)
    plan = Plan("endpoint", "e", Path(), shapes.stairs(4, 9, 3, 1, rules), warmup_s=2)
    result, said = conduct(plan, Ranks(clock, saturating))
    assert result["stopped"] == "flat"
    assert [step["users"] for step in result["steps"]] == [4, 8, 12, 9, 10, 11]
    assert [report["users"] for report in said if report["kind"] == "level"] == [4, 4, 8, 12, 9, 10, 11]
    assert result["steps"][1]["rps"] == pytest.approx(800, rel=0.02)
    assert result["steps"][result["judged_step"]]["users"] in {9, 12}
    # The second of settling is in the samples, and not in those of the step.
    assert result["steps"][0]["samples"] == [1, 4]
    assert [report["t"] for report in said if report["kind"] == "sample"][:5] == pytest.approx(
        [1, 2, 3, 4, 5], abs=0.01
    )


def test_a_step_goes_on_until_it_has_enough_requests_but_not_for_ever(clock: Clock) -> None:
    rules = Stairs(Objective(), min_requests=50)
    plan = Plan("endpoint", "e", Path(), shapes.stairs(1, 1, 10, 0, rules), warmup_s=0)
    assert conduct(plan, Ranks(clock, lambda _: (10, 5.0)))[0]["steps"][0]["seconds"] == 10
    assert conduct(plan, Ranks(clock, lambda _: (3, 5.0)))[0]["steps"][0]["seconds"] == 20
    assert conduct(plan, Ranks(clock, lambda _: (1, 5.0)))[0]["steps"][0]["seconds"] == 30


def test_stairs_end_when_the_generator_cannot_do_more(clock: Clock) -> None:
    rules = Stairs(Objective(100), min_requests=10)
    plan = Plan("endpoint", "e", Path(), shapes.stairs(4, 9, 3, 1, rules))
    result, _ = conduct(plan, Ranks(clock, saturating, lag_ms=500))
    assert result["stopped"] == "generator"
    assert len(result["steps"]) == 3


def test_a_lag_that_is_small_beside_the_latency_ends_no_stairs(clock: Clock) -> None:
    rules = Stairs(Objective(100), refine=0, min_requests=10)
    plan = Plan("endpoint", "e", Path(), shapes.stairs(4, 9, 3, 1, rules))
    slow = Ranks(clock, lambda users: (40 * min(users, 8), 50.0 * max(users, 8) / 8), lag_ms=9)
    assert conduct(plan, slow)[0]["stopped"] == "flat"


def test_the_warm_up_is_in_no_figure_and_told_apart(clock: Clock) -> None:
    plan = Plan("endpoint", "e", Path(), shapes.steady(4, 5), warmup_s=3)
    result, _ = conduct(plan, ranks := Ranks(clock, saturating))
    assert result["requests"] == pytest.approx(5 * 400, rel=0.02)
    assert result["warmup"]["requests"] == pytest.approx(3 * 400, rel=0.02)
    assert result["judged_step"] is None
    assert ranks.events[0] == "muster 1"
    assert "pause" in ranks.events


def test_long_runs_are_sampled_less_often(clock: Clock) -> None:
    plan = Plan("endpoint", "e", Path(), shapes.soak(4, 8 * 3600), warmup_s=0)
    result, said = conduct(plan, Ranks(clock, lambda _: (1, 5.0)))
    assert sum(report["kind"] == "sample" for report in said) == pytest.approx(conducting.MOST_SAMPLES, rel=0.1)
    assert trends.of("soak", {**result, "samples": []}, None) == {"drift": 0.0}


def sample(t: float, p95_ms: float | None) -> dict[str, Any]:
    return {"t": t, "p95_ms": p95_ms}


def test_a_target_has_recovered_when_its_latency_is_good_and_stays_so() -> None:
    steps = [{"p95_ms": 20.0}, {"p95_ms": 900.0}, {"p95_ms": 300.0, "start_s": 10.0, "samples": [0, 5]}]
    back = [sample(11, 500), sample(12, 25), sample(13, 200), sample(14, 25), sample(15, 20)]
    assert trends.recovered(steps, back, 100) == 3
    assert trends.recovered(steps, back, None) == 3
    assert trends.recovered(steps, back, 1000) == 0
    assert trends.recovered(steps, [*back[:4], sample(15, 101)], 100) is None
    assert trends.recovered(steps, [*back[:4], sample(15, None)], 100) is None


def test_what_may_not_be_seen_is_told_once_and_not_asked_again() -> None:
    asked: list[str] = []
    notes: list[str] = []

    def denied() -> int:
        asked.append("instances")
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DescribeEndpoint")

    def fine() -> list[str]:
        asked.append("alarms")
        return ["too-slow"]

    with watch.watching({"instances": denied, "alarms": fine}, notes.append, every_s=0.001) as seen:
        while asked.count("alarms") < 5:
            pass
    assert seen == {"instances": None, "alarms": ["too-slow"]}
    assert asked.count("instances") == 1
    assert len(notes) == 1
    assert "instances unknown" in notes[0]


def test_lag_is_what_the_process_itself_adds(clock: Clock) -> None:
    recorder = Recorder()
    recorder.late(0.25)
    lag = Book()
    lag.add(recorder.take()["lag"])
    assert percentile(lag.histogram, 0.99) == 250
