"""``make picture``: photograph the last rehearsal's report for the README, with whatever Chromium is on PATH."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rehearsal.run import DEFAULT_FOLDER
from terraform.command import ROOT

PICTURE = ROOT / "docs" / "report.png"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
WIDTH, HEIGHT = 1200, 1250
DEADLINE_S = 60


def main() -> int:
    """Write docs/report.png; returns 1 when there is no report or no browser, saying which."""
    report = DEFAULT_FOLDER / "report.html"
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if not report.exists() or browser is None:
        missing = "a browser (chromium or google-chrome)" if report.exists() else "a report: run `make rehearse`"
        print(f"picture: there is no {missing}", file=sys.stderr)
        return 1
    photograph(browser, report)
    print(f"picture: {PICTURE.relative_to(ROOT)}")
    return 0


def photograph(browser: str, page: Path) -> None:
    with tempfile.TemporaryDirectory() as profile:
        quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
        command = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *quiet]
        command += [f"--user-data-dir={profile}", f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={PICTURE}"]
        subprocess.run([*command, page.as_uri()], check=True, timeout=DEADLINE_S, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
