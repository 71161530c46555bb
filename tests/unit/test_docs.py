"""The documents name things that exist: files, make targets and settings, controls."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for folder in ("", "docs", "docs/adr", "docs/evidence", "training", "terraform/bootstrap", "terraform/modules/*")
    for path in ROOT.glob(f"{folder}/*.md".lstrip("/"))
)
MAKEFILE = (ROOT / "Makefile").read_text()


def prose(page: Path) -> str:
    """The text without links to other sites."""
    return re.sub(r"\]\(https?://[^)]*\)", "]", page.read_text())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    targets = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", prose(page))]
    assert [t for t in targets if t and not (page.parent / t).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets_and_settings_exist(page: Path) -> None:
    known = set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE))
    settings = set(re.findall(r"\$\(([A-Z0-9_]+)\)", MAKEFILE)) | set(re.findall(r"'([A-Z0-9_]+)=", MAKEFILE))
    commands = re.findall(r"(?:`|^\s*)make ([a-z0-9-]+)((?: [A-Z0-9_]+=\S+)*)", page.read_text(), re.MULTILINE)
    assert [name for name, _ in commands if name not in known] == []
    used = {setting for _, rest in commands for setting in re.findall(r"([A-Z0-9_]+)=", rest)}
    assert used - settings == set()


def test_the_threat_model_names_controls_that_exist() -> None:
    known = set((ROOT / "policies" / "controls" / "ids.txt").read_text().split())
    named = set(re.findall(r"SLIP_[A-Z0-9_]+", (ROOT / "docs" / "security.md").read_text()))
    assert len(named) > 40
    assert named - known == set()
