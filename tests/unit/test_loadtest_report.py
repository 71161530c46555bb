"""The page of a load test from good, odd and missing records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.report import levels, moments, spread, story
from loadtest.report.__main__ import main
from loadtest.report.page import render
from loadtest.report.record import Load, read
from tests.browser.load_folder import USERS, make_load


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    result = make_load(tmp_path_factory.mktemp("load"))
    return read(result, result.with_name("capacity.json"))


def test_steps_are_parted_where_the_load_changed(load: Load) -> None:
    assert moments._ends(load) == [15.0 * index for index in range(1, len(USERS))]


def test_what_scaled_and_what_rang_is_told_in_its_order(load: Load) -> None:
    found = moments.over_time(load)
    assert found is not None
    assert [what for _, what in found["events"]] == [
        "Setting desired instance count to 1. (Successful)", "slipway-rehearsal-vehicles-latency in alarm",
    ]  # fmt: skip


def test_percentiles_come_from_the_histogram_of_each_level(load: Load) -> None:
    found = spread.distribution(load)
    assert found is not None
    assert [row[0] for row in found["rows"]] == ["1 user", *(f"{users} users" for users in USERS[1:])]
    # the least load, the one that was judged, and the most
    assert [line.name for line in found["lines"]] == ["1 user", "16 users", "32 users"]
    for line in found["lines"]:
        values = [y for _, y in line.points]
        assert values == sorted(values)


def test_errors_are_counted_by_kind_and_escaped(load: Load) -> None:
    assert spread.errors(load)["rows"][0][2] == "45"
    assert "<b>" not in render(load)
    assert "&lt;b&gt;" in render(load)


def test_the_knee_of_several_instances_is_drawn_where_they_were_together(load: Load) -> None:
    knee = {"rps": 50.0, "low": 40.0, "high": 60.0, "reason": "flat", "reached": True, "instances": 3}
    drawn = levels.knee(Load(load.facts, {"knee": knee}))
    assert drawn is not None
    assert drawn["rps"] == "50"
    assert "knee 150/s" in drawn["plots"][0]["plot"]


def test_open_arrivals_show_what_was_offered_beside_what_was_answered() -> None:
    samples = [{"t": at, "rps": 90.0, "offered_rps": 100.0, "p95_ms": 5.0} for at in (1.0, 2.0)]
    steps = [{"offered_rps": rate, "rps": rate * 0.9, "requests": 10, "p95_ms": 5.0} for rate in (50.0, 100.0)]
    load = Load({"arrivals": "open", "samples": samples, "steps": steps}, {})
    drawn = moments.over_time(load)
    assert drawn is not None
    assert [line.name for line in drawn["plots"][1]["lines"]] == ["answered", "offered"]
    assert dict(story.method(load))["arrivals"].startswith("open")
    knee = levels.knee(load)
    assert knee is not None
    assert knee["rows"][1][0] == "100/s offered"


def test_a_generator_that_was_the_bottleneck_is_said_first(load: Load) -> None:
    facts = {**load.facts, "unfit": "it used 99 % of a processor", "slo": {**load.objective, "passed": None}}
    head = story.head(Load(facts, {}))
    assert head["verdict"] == "Not judged"
    assert "it used 99 % of a processor" in render(Load(facts, {}))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = ("steps", "samples", "slo", "errors", "histogram", "requests", "p95_ms", "users", "shape", "workers", "knee")


@given(st.dictionaries(st.sampled_from(KEYS), JSON), st.dictionaries(st.sampled_from(("knee", "settings")), JSON))
def test_whatever_a_record_holds_a_page_comes_out(facts: dict[str, Any], capacity: dict[str, Any]) -> None:
    assert "</html>" in render(Load(facts, capacity))


def test_the_command_writes_the_page_or_names_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = make_load(tmp_path)
    assert main([str(result), "--capacity", str(tmp_path / "capacity.json")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "report.html")
    assert "How it was measured" in (tmp_path / "report.html").read_text()
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / "none.json")])
    assert ended.value.code == 2
    assert "load.json" in capsys.readouterr().err
    result.write_text(json.dumps([]))
    assert main([str(result)]) == 0
    assert "holds no object" in (tmp_path / "report.html").read_text()
