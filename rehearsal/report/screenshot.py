"""``make picture``: photograph the reports of the last rehearsal and the last load test for the documentation.

With whatever Chromium is on PATH.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from rehearsal.run import DEFAULT_FOLDER
from terraform.command import ROOT, SCRATCH

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
WIDTH = 1200
DEADLINE_S = 60
# A busy machine takes its time to paint; without this the lower part of a page may be missing.
PAINT_MS = 5000


class Picture(NamedTuple):
    """A page, the picture of its top, and the command that writes the page."""

    page: Path
    picture: Path
    height: int
    made_by: str


PICTURES = (
    Picture(DEFAULT_FOLDER / "report.html", ROOT / "docs" / "report.png", 1250, "make rehearse"),
    Picture(SCRATCH / "loadtest" / "report.html", ROOT / "docs" / "load.png", 1400, "make loadtest"),
)


def main() -> int:
    """Write the pictures of the reports that there are; returns 1 when there is none, or no browser, saying which."""
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        print("picture: there is no browser (chromium or google-chrome)", file=sys.stderr)
        return 1
    there = [one for one in PICTURES if one.page.exists()]
    for one in there:
        photograph(browser, one)
        print(f"picture: {one.picture.relative_to(ROOT)}")
    for one in PICTURES:
        if one not in there:
            print(f"picture: left out {one.picture.relative_to(ROOT)}, run `{one.made_by}` first", file=sys.stderr)
    return 0 if there else 1


def photograph(browser: str, wanted: Picture) -> None:
    with tempfile.TemporaryDirectory() as profile:
        quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
        command = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *quiet]
        command.append(f"--virtual-time-budget={PAINT_MS}")
        command += [f"--user-data-dir={profile}", f"--window-size={WIDTH},{wanted.height}"]
        command += [f"--screenshot={wanted.picture}", wanted.page.as_uri()]
        subprocess.run(command, check=True, timeout=DEADLINE_S, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
