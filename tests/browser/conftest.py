"""A headless Chromium for the report's tests, or a skip with its reason."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from loadtest.report.page import write_report as write_load_report
from rehearsal.report import write_report
from tests.browser.load_folder import make_load
from tests.browser.run_folder import make_run
from tests.demand import lacking

REQUIRED = "SLIPWAY_REQUIRE_BROWSER"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--no-first-run",
)


DESK, TABLET, PHONE = 1280, 800, 375
Open = Callable[..., webdriver.Chrome]


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    chromedriver = shutil.which("chromedriver")
    if not browser or not chromedriver:
        missing = "Chromium" if not browser else "chromedriver"
        lacking(f"no {missing} on PATH (Debian: apt-get install chromium chromium-driver)", REQUIRED)
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # Naming the driver keeps Selenium from looking for one on the internet.
    started = webdriver.Chrome(options=options, service=Service(chromedriver))
    started.set_page_load_timeout(60)
    yield started
    started.quit()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(make_run(tmp_path_factory.mktemp("rehearsal") / "run"))


@pytest.fixture(scope="session")
def load_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    result = make_load(tmp_path_factory.mktemp("load"))
    return write_load_report(result, result.with_name("capacity.json"))


@pytest.fixture
def opened(driver: webdriver.Chrome, report: Path) -> Open:
    def open_page(
        width: int = DESK, scheme: str = "light", page: Path = report, motion: str = "reduce"
    ) -> webdriver.Chrome:
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": motion},
        ]
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        for kind in ("browser", "performance"):
            driver.get_log(kind)
        driver.get(page.as_uri())
        return driver

    return open_page
