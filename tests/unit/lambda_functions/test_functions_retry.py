"""The retry policy on a clock of its own: how often, how long between, and never beyond the caller's time."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit import functions_support as support

answers = support.common("answers")
errors = support.common("errors")
retry = support.common("retry")


class Clock:
    """Seconds of an invocation; ``pauses`` is what was slept."""

    def __init__(self, limit_s: float) -> None:
        self.left = limit_s
        self.pauses: list[float] = []

    def left_s(self) -> float:
        return self.left

    def sleep(self, seconds: float) -> None:
        self.left -= seconds
        self.pauses.append(seconds)


@pytest.fixture
def clock(monkeypatch):
    """Make a clock, by which the policy then sleeps."""

    def make(limit_s: float) -> Clock:
        made = Clock(limit_s)
        monkeypatch.setattr(retry, "time", SimpleNamespace(sleep=made.sleep))
        return made

    return make


def told(status: int, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answers.AwsError(answers.Answer(status, named, b""))


BUSY, REFUSED = told(503), told(403)
SILENT, RESET = answers.NoAnswerError("ReadTimeoutError", silent=True), answers.NoAnswerError("Reset")


def ends(*outcomes: Any, on: Clock, taking: float = 0.0) -> Callable[[], str]:
    """An attempt that ends along ``outcomes``, the last one for ever, and takes its time."""
    following = itertools.chain(outcomes, itertools.repeat(outcomes[-1]))

    def attempt() -> str:
        attempt.count += 1
        on.left -= taking
        outcome = next(following)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    attempt.count = 0
    return attempt


def test_a_success_is_taken_at_once(clock):
    now = clock(10)
    assert retry.Retries(3).run(ends("answer", on=now), now.left_s, 1) == "answer"
    assert not now.pauses


@pytest.mark.parametrize("error", [BUSY, RESET, SILENT])
def test_what_may_pass_is_tried_as_often_as_allowed_and_then_raised(clock, error):
    now = clock(60)
    attempt = ends(error, on=now)
    with pytest.raises(type(error)) as caught:
        retry.Retries(3).run(attempt, now.left_s, 1)
    assert caught.value is error
    assert attempt.count == 3


def test_what_lasts_is_raised_at_once(clock):
    now = clock(60)
    attempt = ends(REFUSED, on=now)
    with pytest.raises(answers.AwsError):
        retry.Retries(3).run(attempt, now.left_s, 1)
    assert (attempt.count, now.pauses) == (1, [])


def test_silence_is_not_tried_again_where_the_caller_says_so(clock):
    now = clock(60)
    attempt = ends(SILENT, on=now)
    with pytest.raises(answers.NoAnswerError):
        retry.Retries(3).run(attempt, now.left_s, 1, after_silence=False)
    assert attempt.count == 1
    assert retry.Retries(3).run(ends(RESET, "answer", on=now), now.left_s, 1, after_silence=False) == "answer"


def test_pauses_are_jittered_over_their_whole_range_and_grow_to_a_bound(monkeypatch, clock):
    widths: list[float] = []

    def widest(low: float, high: float) -> float:
        assert low == 0
        widths.append(high)
        return high

    monkeypatch.setattr(retry, "random", SimpleNamespace(uniform=widest))
    now = clock(600)
    with pytest.raises(answers.AwsError):
        retry.Retries(8).run(ends(BUSY, on=now), now.left_s, 1)
    assert widths == [0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]


def test_retry_after_is_waited_for_where_there_is_time(clock):
    now = clock(20)
    attempt = ends(told(429, retry_after="7"), "answer", on=now)
    assert retry.Retries(3).run(attempt, now.left_s, 5) == "answer"
    assert now.pauses == [7]
    now = clock(10)
    attempt = ends(told(429, retry_after="7"), "answer", on=now)
    with pytest.raises(answers.AwsError):
        retry.Retries(3).run(attempt, now.left_s, 5)
    assert (attempt.count, now.pauses) == (1, []), "it would have waited, only to find no time left"


def test_with_too_little_time_for_one_attempt_none_is_begun(clock):
    now = clock(4.9)
    attempt = ends("answer", on=now)
    with pytest.raises(errors.OutOfTime, match=r"'4\.9': is less than a call's 5"):
        retry.Retries(3).run(attempt, now.left_s, 5)
    assert attempt.count == 0


@given(
    limit=st.floats(0.1, 60),
    needed=st.floats(0.1, 20),
    share=st.floats(0, 1),
    attempts=st.integers(1, 6),
    outcomes=st.lists(
        st.sampled_from([BUSY, RESET, SILENT, REFUSED, told(429, retry_after="3"), "answer"]), min_size=1
    ),
)
def test_whatever_happens_the_callers_time_is_kept(limit, needed, share, attempts, outcomes):
    now = Clock(limit)
    attempt = ends(*outcomes, on=now, taking=needed * share)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retry, "time", SimpleNamespace(sleep=now.sleep))
        with contextlib.suppress(answers.CallError, errors.OutOfTime):
            retry.Retries(attempts).run(attempt, now.left_s, needed)
    assert now.left >= -1e-9
    assert attempt.count <= attempts


def test_while_nothing_succeeds_calls_are_made_once_and_a_success_pays_back(clock):
    retries = retry.Retries(3)
    now = clock(10**6)
    made = []
    for _ in range(8):
        attempt = ends(BUSY, on=now)
        with pytest.raises(answers.AwsError):
            retries.run(attempt, now.left_s, 1)
        made.append(attempt.count)
    assert made == [3, 3, 3, 3, 3, 1, 1, 1]
    for _ in range(retry.COST):
        retries.run(ends("answer", on=now), now.left_s, 1)
    attempt = ends(BUSY, "answer", on=now)
    assert retries.run(attempt, now.left_s, 1) == "answer"
    assert retries.quota == retry.COST, "a retry that succeeds costs nothing"
    for _ in range(10**3):
        retries.run(ends("answer", on=now), now.left_s, 1)
    assert retries.quota == retry.QUOTA


def test_each_retry_is_told_and_counted(clock, monkeypatch, capsys):
    now = clock(60)
    monkeypatch.setenv("LOG_LEVEL", "INFO")
    entries = support.common("entry")

    @entries.entry
    def handle(event: Any, context: Any) -> str:
        return retry.Retries(3).run(ends(BUSY, SILENT, "answer", on=now), now.left_s, 1)

    assert handle({}, support.Context()) == "answer"
    first, second, done = support.events_of(capsys.readouterr().out)
    assert (first["message"], first["problem"], second["problem"]) == ("trying again", "503 (503)", "ReadTimeoutError")
    assert done["Retries"] == 2
