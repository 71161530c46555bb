"""The drill's judge: what it lets pass, and each thing that it must not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from rehearsal.drill.drill import BAD_ROLLOUT, GOOD_ROLLOUT, RETURN, Phase, Record
from rehearsal.drill.judge import facts, faults, window
from rehearsal.drill.load import BAD, GOOD, LOST, Asked, of_model
from rehearsal.drill.report import render
from rehearsal.drill.watch import Moment

RATE = 10.0
MODELS = {"vehicles": {"version": "2", "image": "i", "model_data_url": "u", "sha256": "s"}}
ROLLED_BACK = "endpoint e: expected configuration 3, live 2: SageMaker rolled the update back (5xx)"


def asked(number: int) -> Asked:
    """Half of what is asked between second 30 and 32 reaches the canary; version 1 serves until second 10."""
    due = number / RATE
    fails = 30 <= due < 32 and number % 2 == 0
    return Asked(due, 0.02, BAD if fails else GOOD, "" if fails else ("1" if due < 10 else "2"))


def record() -> Record:
    return Record(
        "e",
        0.5,
        RATE,
        [Phase(GOOD_ROLLOUT, 5, 15, ""), Phase(BAD_ROLLOUT, 20, 40, ROLLED_BACK), Phase(RETURN, 45, 55, "")],
        [asked(number) for number in range(600)],
        [
            Moment(0, "endpoint", "InService"),
            Moment(30, "endpoint", "Updating (Baking)"),
            Moment(31.5, "5xx", "ALARM"),
            Moment(31.9, "endpoint", "RollingBack"),
            Moment(33, "endpoint", "InService"),
        ],
        MODELS,
        {"vehicles": MODELS["vehicles"] | {"promoted": "later"}},
    )


def test_a_drill_as_it_should_be_passes() -> None:
    seen = record()
    assert faults(seen) == []
    assert facts(seen) | {} == {
        "asked": 600,
        "good": 590,
        "refused_by_the_bad_model": 10,
        "lost": 0,
        "seconds_to_alarm": 1.5,
        "seconds_to_recovery": 1.8,
        "share_during_canary": 0.526,
        "asked_during_canary": 19,
        "rollback_seconds": 10,
    }
    assert window(seen).turned_back == 31.9


def one(record: Record, at: int, **values: object) -> None:
    record.asked[at] = replace(record.asked[at], **values)


def silent(record: Record) -> None:
    record.moments = [moment for moment in record.moments if moment.state != "ALARM"]


def greedy(record: Record) -> None:
    for number in range(300, 380):
        one(record, number, fate=BAD)


def unnamed(record: Record) -> None:
    record.phases[1] = replace(record.phases[1], outcome="terraform apply ended with exit code 1")


def elsewhere(record: Record) -> None:
    record.after = {"vehicles": MODELS["vehicles"] | {"version": "1"}}


def untouched(record: Record) -> None:
    record.asked = [replace(a, fate=GOOD, version="2") if a.fate == BAD else a for a in record.asked]


def other_server(record: Record) -> None:
    for number in range(590, 600):
        one(record, number, version="1")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda r: one(r, 250, fate=LOST, detail="timed out"), "1 requests without an answer .+ at 25.0 s: timed out"),
        (lambda r: r.asked.pop(300), "1 requests were due and never asked"),
        (lambda r: one(r, 100, fate=BAD), f"1 requests failed during {GOOD_ROLLOUT}"),
        (lambda r: one(r, 500, fate=LOST), f"1 requests failed during {RETURN}"),
        (lambda r: one(r, 430, fate=BAD), "failed outside of the bad model's rollout"),
        (lambda r: one(r, 390, fate=BAD), "later than a second after SageMaker had turned back"),
        (greedy, "80 of 80 requests failed, more than the canary's share of 50%"),
        (silent, "no alarm fired"),
        (untouched, "the bad model got no traffic"),
        (unnamed, "the verifier did not name the rollback"),
        (elsewhere, "does not name the last good model"),
        (other_server, r"answered by \['1'\], not by \['2'\]"),
    ],
)
def test_whatever_is_wrong_is_told(spoil: Callable[[Record], object], told: str) -> None:
    seen = record()
    spoil(seen)
    assert any(re.search(told, fault) for fault in faults(seen)), faults(seen)


@pytest.mark.parametrize(
    ("status", "message", "own"),
    [
        (500, '{"error": "InternalServerError", "field": "model", "value": "not finite"}', True),
        (503, '{"error": "ServiceUnavailable", "field": "queue"}', False),
        (500, "the server ended before it had answered", False),
        (0, "Your invocation timed out", False),
    ],
)
def test_only_a_models_own_error_is_an_answer(status: int, message: str, *, own: bool) -> None:
    assert of_model({"OriginalStatusCode": status, "OriginalMessage": message}) == own


def test_the_page_shows_verdict_shares_and_what_happened() -> None:
    page = render(record())
    assert "<h1>No request lost</h1>" in page
    assert 'class="bar-bad"' in page
    assert "SageMaker rolled the update back" in page
    spoilt = record()
    one(spoilt, 250, fate=LOST, detail="<timed out>")
    assert "<h1>Not as it should be</h1>" in render(spoilt)
    assert "&lt;timed out&gt;" in render(spoilt)
