"""What an endpoint, its callers, its alarms and the gate of load tests do while something breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rehearsal.faults.__main__ import DRILLS
from rehearsal.faults.load import OK
from rehearsal.faults.table import page

if TYPE_CHECKING:
    from rehearsal.faults.drill import Row
    from rehearsal.faults.world import World

FIRES = {
    "server-killed": "5xx",
    "slow-responses": "latency-p99",
    "errors-burst": "5xx",
    "queue-full": "5xx",
    "function-throttled": "errors",
}
BREAKS = {
    "server-killed": {"failures"},
    "server-hangs": {"failures"},
    "slow-responses": {"p95_ms"},
    "errors-burst": {"failures"},
    "throttled": {"failures"},
    "queue-full": {"failures"},
    "function-throttled": {"failures"},
    "storage-slow": {"p95_ms"},
}
UNHARMED = {"malformed", "deploy", "storage-slow", "storage-silent", "capture-slow"}
QUICK = "errors-burst"


def check(name: str, row: Row) -> None:
    assert row.sent == sum(row.failed.values()) + sum(
        one.kind == OK for phase in (row.before, row.during, row.after) for one in phase.answered
    )
    assert row.before.verdict.passed
    assert row.after.verdict.passed
    assert row.during.broken >= BREAKS.get(name, set())
    assert row.alarm.endswith(FIRES.get(name, ""))
    assert bool(row.alarm) == (row.fired_s is not None) == (row.cleared_s is not None) == (name in FIRES)
    assert not (name in UNHARMED and row.failed)
    assert 0 <= row.recovered_s < 30
    assert row.fault in page([row], 20.0)


def test_a_burst_of_errors_is_counted_judged_told_and_over(furnished: World) -> None:
    row = DRILLS[QUICK](furnished)
    check(QUICK, row)
    assert set(row.failed) == {"ModelError 500"}
    told = furnished.notices(row.alarm)
    assert told[-2:] == ["ALARM", "OK"]
    assert told.count("ALARM") == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in DRILLS if name != QUICK])
def test_every_fault_is_accounted_for_and_over(furnished: World, name: str) -> None:
    check(name, DRILLS[name](furnished))
