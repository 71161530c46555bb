"""The look that reports share: one style sheet, a few template parts, and sections that cannot spoil each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

SHARED = Path(__file__).with_name("templates")


def templates(*folders: Path) -> Environment:
    """Return an environment that finds the shared parts and the templates of some folders."""
    return Environment(
        loader=FileSystemLoader([*folders, SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def style(*sheets: Path) -> Markup:
    """Return the shared style sheet with a page's own ones after it."""
    files = (SHARED / "page.css", *sheets)
    return Markup("\n".join(path.read_text(encoding="utf-8") for path in files))  # noqa: S704 - our own files


def draw(name: str, section: Callable[[], Any], problems: list[str]) -> Any:
    """Return what a section draws, or None with a line among the problems of the page."""
    try:
        return section()
    except Exception as error:  # whatever a record holds, the other sections must still come out
        problems.append(f"the section {name!r} could not be drawn: {type(error).__name__}: {error}")
        return None
