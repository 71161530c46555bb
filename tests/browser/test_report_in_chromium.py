"""The report as a browser shows it: complete, silent on the network, readable in both themes and on a phone."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from rehearsal.report import write_report
from tests.browser.conftest import DESK, PHONE, TABLET, Open
from tests.browser.run_folder import change_stage, make_run

pytestmark = pytest.mark.browser


def visible_tiles(page: Chrome) -> list[Any]:
    return page.find_elements(By.CSS_SELECTOR, ".tile:not([hidden])")


def press(page: Chrome, text: str) -> None:
    button = next(b for b in page.find_elements(By.TAG_NAME, "button") if b.text.startswith(text))
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()


def test_it_opens_without_a_word_on_the_console(opened: Open) -> None:
    page = opened()
    assert page.title == "Rehearsal passed: vehicles"
    assert page.get_log("browser") == []


def test_it_requests_nothing_but_itself(opened: Open, report: Path) -> None:
    page = opened()
    messages = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert report.as_uri() in asked
    assert [url for url in asked if url != report.as_uri() and not url.startswith("data:")] == []


def test_every_image_is_decoded_and_has_a_text(opened: Open) -> None:
    page = opened()
    images = page.execute_script(
        """const width = (image) => image.decode().then(() => image.naturalWidth, () => 0);
           return Promise.all([...document.images].map(async (image) => [await width(image), image.alt]))"""
    )
    assert len(images) == 64 + 24 + 3
    assert all(width > 0 and alt.strip() for width, alt in images)
    drawings = page.find_elements(By.CSS_SELECTOR, "svg:not([aria-hidden])")
    assert len(drawings) == 7
    assert all(drawing.get_attribute("aria-label") for drawing in drawings)


def test_headings_descend_one_step_at_a_time_from_a_single_first(opened: Open) -> None:
    levels = opened().execute_script("return [...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("width", [DESK, TABLET, PHONE, 320])
def test_nothing_sticks_out_sideways(opened: Open, width: int) -> None:
    page = opened(width)
    page.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    sticking = page.execute_script(
        """const scrolls = ".scroll, pre, .unseen, .skip, svg, dialog";
           return [...document.querySelectorAll("body *")]
             .filter((e) => !e.closest(scrolls) && e.getBoundingClientRect().right > innerWidth + 1)
             .map((e) => e.outerHTML.slice(0, 120))"""
    )
    assert sticking == []


def test_light_and_dark_look_different_and_both_keep_the_synthetic_label(opened: Open) -> None:
    looks = {}
    for scheme in ("light", "dark"):
        page = opened(scheme=scheme)
        looks[scheme] = page.get_screenshot_as_png()
        assert page.find_element(By.CSS_SELECTOR, ".synthetic strong").is_displayed()
    assert looks["light"] != looks["dark"]


CONTRAST = Path(__file__).with_name("contrast.js").read_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(opened: Open, scheme: str) -> None:
    page = opened(scheme=scheme)
    page.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    press(page, "Show all")
    assert page.execute_script(CONTRAST) == []


def test_the_contrast_check_itself_sees_weak_text(opened: Open) -> None:
    page = opened()
    page.execute_script("document.querySelector('.intro').style.color = '#aab4bb'")
    assert page.execute_script(CONTRAST)


def test_the_gallery_starts_with_what_went_wrong_and_filters(opened: Open) -> None:
    page = opened()
    tiles = visible_tiles(page)
    assert len(tiles) == 20
    assert [tile.get_attribute("data-kind") for tile in tiles[:3]] == ["failed", "wrong", "for_review"]

    press(page, "For review")
    assert {tile.get_attribute("data-status") for tile in visible_tiles(page)} == {"for_review"}
    press(page, "Failed")
    assert len(visible_tiles(page)) == 1
    assert "Upload it again" in visible_tiles(page)[0].get_attribute("textContent")
    press(page, "Wrong label")
    assert len(visible_tiles(page)) == 1
    press(page, "All")
    press(page, "Show all")
    assert len(visible_tiles(page)) == 65
    assert page.find_element(By.CSS_SELECTOR, ".shown").text == "65 images"
    pressed = page.find_elements(By.CSS_SELECTOR, "[data-filter][aria-pressed=true]")
    assert [button.get_attribute("data-filter") for button in pressed] == ["all"]


def test_details_open_and_close_by_keyboard_alone(opened: Open) -> None:
    page = opened()
    tile = page.find_elements(By.CSS_SELECTOR, ".tile .open")[1]
    page.execute_script("arguments[0].focus()", tile)
    page.switch_to.active_element.send_keys(Keys.ENTER)
    dialog = page.find_element(By.TAG_NAME, "dialog")
    assert dialog.is_displayed()
    first = dialog.text
    assert "wrong label" in first
    assert "%" in first
    page.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    assert dialog.text != first
    assert page.execute_script(CONTRAST) == []
    page.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not dialog.is_displayed()
    focused = page.switch_to.active_element
    assert focused == page.find_elements(By.CSS_SELECTOR, ".tile .open")[2]


def test_every_control_has_a_name_and_is_large_enough_for_a_thumb(opened: Open) -> None:
    page = opened(PHONE)
    for control in page.find_elements(By.CSS_SELECTOR, "button, summary, [tabindex='0']"):
        if control.is_displayed():
            assert control.accessible_name.strip() or control.text.strip(), control.get_attribute("outerHTML")[:120]
            if control.tag_name == "button":
                assert control.size["height"] >= 44, control.text


def test_the_failed_report_shows_its_cause_first(opened: Open, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    change_stage(run, "train", status="failed", data={}, evidence="AlgorithmError: <b>out</b> of memory\n" * 40)
    (run / "run.json").write_text("{")
    page = opened(PHONE, page=write_report(run))
    assert page.get_log("browser") == []
    assert page.find_element(By.TAG_NAME, "h1").text == "Rehearsal failed"
    assert "make rehearse STAGE=train" in page.find_element(By.CSS_SELECTOR, ".broken").text
    assert "run.json cannot be read" in page.find_element(By.CSS_SELECTOR, ".problems").text
    assert page.execute_script("return document.documentElement.scrollWidth") <= PHONE
    assert page.execute_script(CONTRAST) == []


def test_without_script_everything_is_there(opened: Open, report: Path, driver: Chrome) -> None:
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page = opened()
        assert len(page.find_elements(By.CSS_SELECTOR, ".tile")) == 65
        assert page.find_elements(By.CSS_SELECTOR, ".tile")[-1].is_displayed()
        assert not page.find_element(By.CSS_SELECTOR, ".filters").is_displayed()
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
