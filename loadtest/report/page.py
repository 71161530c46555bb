"""The report of a load test as one file."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Template

from loadtest.files import write_text
from loadtest.report import levels, moments, spread, story
from loadtest.report.look import draw, style, templates
from loadtest.report.objective import objective
from loadtest.report.record import Load, read

TEMPLATES = Path(__file__).with_name("templates")


def write_report(result: Path, capacity: Path | None = None, out: Path | None = None) -> Path:
    """Write the report of a load test and return its path, `report.html` beside the result by default.

    Parameters
    ----------
    result
        `load.json` of the test.
    capacity
        What `python -m loadtest.capacity --json` wrote about it, where it did.
    """
    return write_text(out or result.with_name("report.html"), render(read(result, capacity)))


def render(load: Load) -> str:
    """Return the page of a load test."""
    sections: dict[str, Callable[[], Any]] = {
        "objective": lambda: objective(load.objective),
        "time": lambda: moments.over_time(load),
        "spread": lambda: spread.distribution(load),
        "errors": lambda: spread.errors(load),
        "knee": lambda: levels.knee(load),
        "settings": lambda: levels.settings(load),
    }
    drawn = {name: draw(name, section, load.problems) for name, section in sections.items()}
    return _template().render(
        head=story.head(load),
        method=story.method(load),
        problems=load.problems,
        style=style(TEMPLATES / "load.css"),
        **drawn,
    )


@cache
def _template() -> Template:
    return templates(TEMPLATES).get_template("load.html")
