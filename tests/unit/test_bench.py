"""The bench's own arithmetic: turns, medians, verdicts, exit codes. Nothing here is timed."""

from __future__ import annotations

import itertools
import math
import sys
import types

import pytest

from rehearsal.bench import __main__ as command
from rehearsal.bench import row
from rehearsal.bench.row import BenchError, Row

GOOD = row.at_most("wait", 1.0, 2.0, "s")
BAD = row.at_least("speed", 1.0, 2.0, "x")
UNKNOWN = row.not_measured("peer", ">= 2x", "mms is not installed: get it")
FACT = row.fact("weight", 3.0, "MB")


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROUNDS", raising=False)
    monkeypatch.setattr(command.os, "getloadavg", lambda: (0.0, 0.0, 0.0))


def groups(monkeypatch: pytest.MonkeyPatch, **found: object) -> None:
    """Put these groups in the place of the real ones: a list of rows, or an error that measuring ends with."""

    def module(outcome: object) -> types.ModuleType:
        def rows(_note: row.Note) -> list[Row]:
            if isinstance(outcome, Exception):
                raise outcome
            assert isinstance(outcome, list)
            return outcome

        made = types.ModuleType("group")
        made.rows = rows
        return made

    monkeypatch.setattr(command, "GROUPS", tuple(found))
    monkeypatch.setattr(command.importlib, "import_module", lambda name: module(found[name.rpartition(".")[2]]))


# --- rows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "met"),
    [
        (row.at_most("a", 0.15, 0.15, "ms"), True),
        (row.at_most("a", 0.1501, 0.15, "ms"), False),
        (row.at_least("a", 1.7, 1.7, "x"), True),
        (row.at_least("a", 1.699, 1.7, "x"), False),
        (row.at_most("a", math.nan, 1, "s"), False),
        (row.at_least("a", math.nan, 1, "s"), False),
    ],
)
def test_a_goal_is_met_up_to_its_limit_and_never_by_no_number(made: Row, met: bool) -> None:
    assert made.met is met


def test_what_was_not_measured_is_never_met() -> None:
    assert UNKNOWN.met is None
    assert UNKNOWN.verdict == "**not measured**"
    assert "mms is not installed" in UNKNOWN.measured


def test_a_fact_has_no_verdict() -> None:
    assert (FACT.verdict, FACT.goal, FACT.met) == ("", "", None)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.0123, "ms", "0.012 ms"), (1.876, "x", "1.88x"), (1234.6, "requests/s", "1,235 requests/s")],
)
def test_figures_have_as_many_digits_as_they_deserve(value: float, unit: str, text: str) -> None:
    assert row.fact("a", value, unit).measured == text


# --- turns --------------------------------------------------------------------------------------


def test_measurements_take_turns_and_every_other_round_goes_backwards() -> None:
    order: list[str] = []
    row.interleaved_all(3, {name: lambda name=name: order.append(name) or 0.0 for name in "abc"})
    assert "".join(order) == "abccbaabc"


def test_the_median_is_taken_of_each_by_itself() -> None:
    one, other = iter([1.0, 900.0, 2.0]), iter([5.0, 5.0, 0.0])
    assert row.interleaved(3, {"one": lambda: next(one), "other": lambda: next(other)}) == {"one": 2.0, "other": 5.0}


def test_a_ratio_is_that_of_the_rounds_not_of_the_medians() -> None:
    """Given a machine that is twice as slow in some rounds, then the ratio does not notice."""
    slow = itertools.cycle([1.0, 2.0, 1.0, 2.0])
    taken: dict[str, list[float]] = {"peer": [], "ours": []}
    for factor in itertools.islice(slow, 4):
        taken["peer"].append(3 * factor)
        taken["ours"].append(factor)
    taken["ours"][0] = 0.001
    assert row.ratio(taken, "peer", "ours") == 3.0


@pytest.mark.parametrize("text", ["0", "-1", "2.5", "many", "101", "٣"])
def test_rounds_that_are_no_number_of_rounds_are_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("ROUNDS", text)
    with pytest.raises(BenchError, match="must be a whole number from 1 to 100"):
        row.rounds()


def test_rounds_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert row.rounds(3) == 3
    monkeypatch.setenv("ROUNDS", "7")
    assert row.rounds(3) == 7


# --- CPU time -----------------------------------------------------------------------------------


def test_calls_go_on_until_enough_cpu_is_used_and_their_median_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given calls that take 3, 1 and 6 seconds of CPU, when ten seconds are enough, then the first counts."""
    clock = iter([0.0, 3.0, 4.0, 10.0])
    monkeypatch.setattr(row, "time", types.SimpleNamespace(process_time=lambda: next(clock)))
    calls: list[int] = []
    assert row.median_cpu(lambda: calls.append(1), 10.0) == 3.0
    assert len(calls) == 3


def test_the_cpu_of_a_command_holds_that_of_its_children() -> None:
    """Given a child that burns a tenth of a second of CPU, then the account of its parent holds it."""
    burn = "import time\nwhile time.process_time() < 0.1: pass"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}], check=True)"
    assert row.cpu_of_command([sys.executable, "-c", parent]) >= 0.1


def test_a_command_that_fails_says_what_it_said() -> None:
    with pytest.raises(BenchError, match=r"exit code 3: no such luck"):
        row.cpu_of_command([sys.executable, "-c", "import sys; sys.stderr.write('no such luck'); sys.exit(3)"])


# --- the command --------------------------------------------------------------------------------


def test_met_goals_end_with_0_and_say_how_many(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    groups(monkeypatch, one=[GOOD, FACT], two=[UNKNOWN])
    assert command.main([]) == 0
    said = capsys.readouterr().out
    assert "| wait | 1.00 s | <= 2 s | met |" in said
    assert "1 of 2 goals met, 0 missed, 1 not measured" in said
    assert "not measured (two): peer" in said


def test_a_missed_goal_ends_with_1_and_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    groups(monkeypatch, one=[GOOD], two=[BAD])
    assert command.main([]) == 1
    assert "missed (two): speed: 1.00x, goal >= 2x" in capsys.readouterr().out
    assert command.main(["one"]) == 0


@pytest.mark.parametrize("kind", [BenchError, OSError])
def test_a_group_that_fails_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, kind: type[Exception]
) -> None:
    groups(monkeypatch, one=kind("no port is free: stop something"), two=[GOOD])
    assert command.main([]) == 1
    said = capsys.readouterr()
    assert f"group one failed: {kind.__name__}: no port is free: stop something" in said.err
    assert "| wait |" in said.out


def test_a_reason_of_many_lines_stays_one_line_of_the_table() -> None:
    made = row.not_measured("peer", ">= 2x", "it said:\n| first\n| second" + "x" * 999)
    last = command.table("one", [made]).splitlines()[-1]
    assert last.startswith("| peer | not measured: it said: / first / second")
    assert last.endswith("| >= 2x | **not measured** |")
    assert len(last) < 500


def test_an_unknown_group_and_wrong_rounds_are_refused_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    groups(monkeypatch, one=AssertionError("nothing may run"))
    assert command.main(["on"]) == 2
    assert "group 'on': there is no such group; known: one" in capsys.readouterr().err
    monkeypatch.setenv("ROUNDS", "0")
    assert command.main([]) == 2
    assert "ROUNDS = '0'" in capsys.readouterr().err


def test_a_machine_at_work_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    groups(monkeypatch, one=[GOOD])
    command.main([])
    assert "not quiet" not in capsys.readouterr().out
    monkeypatch.setattr(command.os, "getloadavg", lambda: (64.0 * (command.os.cpu_count() or 1), 0.0, 0.0))
    command.main([])
    assert "warning: the machine is not quiet (load average " in capsys.readouterr().out
