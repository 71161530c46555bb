"""The report as one file: sections from the records, a template around them, written whole or not at all."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Template
from markupsafe import Markup

from loadtest.files import write_text
from loadtest.report.look import draw, style, templates
from rehearsal.report import figures, pictures, story
from rehearsal.report.privilege import privilege
from rehearsal.report.records import RunRecord, read_run
from rehearsal.report.thumbnails import Album

TEMPLATES = Path(__file__).with_name("templates")
FIGURES_BYTES = 12 * 1024 * 1024


def write_report(run_dir: Path, out: Path | None = None) -> Path:
    """Write the report of a run and return its path, `run_dir/report.html` by default.

    Missing and broken records never stop the report: it comes out with what there is and says what is not.
    """
    return write_text(out or run_dir / "report.html", render(read_run(run_dir)))


def render(run: RunRecord) -> str:
    """Return the page of a run."""
    album, drawn_album = Album(run.folder), Album(run.folder, FIGURES_BYTES)
    sections: dict[str, Callable[[], Any]] = {
        "gallery": lambda: pictures.gallery(run, album),
        "confidence": lambda: pictures.confidence(run),
        "samples": lambda: pictures.samples(run, album),
        "used": lambda: pictures.drawn(run.data("assess") or run.data("classify"), drawn_album),
        "trainings": lambda: figures.trainings(run, drawn_album),
        "tuning": lambda: figures.tuning(run),
        "load": lambda: figures.load(run),
        "infrastructure": lambda: figures.infrastructure(run),
        "promotion": lambda: figures.promotion(run),
        "privilege": lambda: privilege(run),
    }
    drawn = {name: draw(name, section, run.problems) for name, section in sections.items()}
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _template().render(
        head=story.head(run),
        timeline=story.timeline(run),
        claims=story.claims(run),
        versions=story.versions(run),
        problems=run.problems,
        # The only markup that is not escaped: our own files, and plots that escape what is put into them.
        style=style(TEMPLATES / "report.css"),
        script=Markup(script),  # noqa: S704
        script_digest=digest,
        **drawn,
    )


@cache
def _template() -> Template:
    return templates(TEMPLATES).get_template("report.html")
