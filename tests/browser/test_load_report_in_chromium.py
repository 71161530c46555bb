"""The report of a load test as a browser shows it: complete, silent, readable in both themes and on a phone."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By

from loadtest.report.page import write_report
from tests.browser.conftest import DESK, PHONE, Open
from tests.browser.load_folder import make_load, write

pytestmark = pytest.mark.browser

CONTRAST = Path(__file__).with_name("contrast.js").read_text()
OPEN_DETAILS = "document.querySelectorAll('details').forEach(d => d.open = true)"


def test_it_opens_in_silence_with_the_verdict_first(opened: Open, load_report: Path) -> None:
    page = opened(page=load_report)
    assert page.title == "Objective kept: slipway-rehearsal-vehicles"
    assert page.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert [url for url in asked if url != load_report.as_uri() and not url.startswith("data:")] == []
    levels = page.execute_script("return [...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    figures = page.find_element(By.CSS_SELECTOR, ".log").text
    assert "337.7/s" in figures
    assert "10,131" in figures


def test_every_plot_has_a_text_and_the_knee_is_marked(opened: Open, load_report: Path) -> None:
    page = opened(page=load_report)
    plots = {
        plot.get_attribute("aria-label").split(".")[0]: plot
        for plot in page.find_elements(By.CSS_SELECTOR, "figure svg")
    }
    assert set(plots) == {
        *("Throughput by load", "Latency by throughput", "Latency", "Requests a second", "Users", "Instances"),
        *("Failed requests a second", "Latency by share of requests"),
    }
    for name in ("Throughput by load", "Latency by throughput"):
        assert "knee 337.7/s" in plots[name].get_attribute("aria-label")
        band = plots[name].find_element(By.CSS_SELECTOR, ".band").rect
        picture = plots[name].rect
        assert 0 < band["width"] * band["height"] < picture["width"] * picture["height"] / 4
        names = [text.rect for text in plots[name].find_elements(By.CSS_SELECTOR, ".limit-name")]
        assert not any(overlap(one, other) for one, other in pairwise(names))


def overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(
        one[at] < other[at] + other[size] and other[at] < one[at] + one[size]
        for at, size in (("x", "width"), ("y", "height"))
    )


@pytest.mark.parametrize("width", [DESK, PHONE, 320])
def test_nothing_sticks_out_sideways(opened: Open, load_report: Path, width: int) -> None:
    page = opened(width, page=load_report)
    page.execute_script(OPEN_DETAILS)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(opened: Open, load_report: Path, scheme: str) -> None:
    page = opened(scheme=scheme, page=load_report)
    page.execute_script(OPEN_DETAILS)
    assert page.execute_script(CONTRAST) == []


def test_a_broken_objective_and_a_broken_record_are_told(opened: Open, tmp_path: Path) -> None:
    result = make_load(tmp_path)
    facts = json.loads(result.read_text())
    facts["slo"] |= {"passed": False, "checks": [{"name": "p95_ms", "limit": 1, "actual": None, "passed": False}]}
    write(result, facts)
    (tmp_path / "capacity.json").write_text("{")
    page = opened(PHONE, page=write_report(result, tmp_path / "capacity.json"))
    assert page.find_element(By.TAG_NAME, "h1").text == "Objective broken"
    assert "capacity.json cannot be read" in page.find_element(By.CSS_SELECTOR, ".problems").text
    assert "not measured" in page.find_element(By.CSS_SELECTOR, ".checks").text
    assert page.execute_script(CONTRAST) == []
