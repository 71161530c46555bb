"""The report comes out whatever the records hold, says what is missing, and trusts nothing that it prints."""

from __future__ import annotations

import functools
import json
import math
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from rehearsal.report import figures, thumbnails, write_report
from rehearsal.report.__main__ import main
from rehearsal.stages import STAGES
from tests.browser.run_folder import change_stage, make_run, write

NOT_DRAWN = "could not be drawn"
MAX_PAGE_BYTES = 6 * 1024 * 1024


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run whose pictures are made small once: they are the same on all pages, and take most of a page's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(thumbnails, "_thumbnail", functools.cache(thumbnails._thumbnail))
        yield make_run(tmp_path_factory.mktemp("report") / "run")


@pytest.fixture
def run(original: Path, tmp_path: Path) -> Path:
    """A run of the test's own; its pictures are named absolutely and shared."""
    return shutil.copytree(original, tmp_path / "run", ignore=shutil.ignore_patterns("images"))


@pytest.fixture
def short(run: Path) -> Path:
    """The same run with few images, of every kind: for tests that write the report many times."""
    path = next((run / "stages").glob("*-classify.json"))
    record = json.loads(path.read_text())
    items = record["data"]["items"]
    record["data"]["items"] = [*items[20:24], items[-1]]
    assert {item["status"] for item in record["data"]["items"]} == {"classified", "for_review", "failed"}
    write(path, record)
    path = next((run / "stages").glob("*-stage.json"))
    record = json.loads(path.read_text())
    record["data"]["samples"] = record["data"]["samples"][:2]
    write(path, record)
    return run


def page_of(run: Path) -> str:
    return write_report(run).read_text()


def words(html: str) -> str:
    """The page's text, without style, script and markup."""
    html = re.sub(r"<(style|script)>.*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("\N{NO-BREAK SPACE}", " ").replace("&nbsp;", " ").split())


class Balance(HTMLParser):
    """Checks that every element is closed in order, and collects ids."""

    VOID = frozenset({"meta", "link", "img", "br", "path", "circle", "line", "rect"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """`<path/>` and its like open nothing."""


def test_a_passed_run_tells_its_whole_story(run: Path) -> None:
    told = words(page_of(run))
    for fact in (
        "Rehearsal passed", "Synthetic data", "14 of 14 stages passed", "1,704 calls",
        "4 trials", "tune-002 best", "Verdicts of drawn pictures", "wheels",
        "125 resources, second plan empty",
        "96.5 %", "validation", "65 images twice", "objective 150 ms", "state machine × 2",
        "slipway-rehearsal-vehicles",        "Nothing here ran on AWS", "divided by 20", "provider aws 5.100.0",
    ):  # fmt: skip
        assert fact in told, fact
    assert "could not read" not in told


def test_the_page_is_well_formed_and_its_ids_are_unique(run: Path) -> None:
    balance = Balance()
    balance.feed(page_of(run))
    assert balance.open == []
    assert len(balance.ids) == len(set(balance.ids))


def test_the_page_asks_for_nothing_outside_itself(run: Path) -> None:
    page = page_of(run)
    assert not re.findall(r"""(?:src|href|action|srcset)=["'](?!data:|#)""", page)
    assert not re.findall(r"url\(|@import", page)
    assert "default-src 'none'" in page


@pytest.mark.parametrize("name", STAGES)
def test_a_missing_stage_is_said_not_to_have_run(run: Path, name: str) -> None:
    next((run / "stages").glob(f"*-{name}.json")).unlink()
    page = page_of(run)
    assert re.search(rf'<li class="not-run">\s*<h3 class=""><span>{name}</span>', page)


@pytest.mark.parametrize("content", ['{"name": "tr', "[1, 2]", "", "\x00\xff", '"text"', "[" * 100_000])
def test_a_broken_record_is_named_and_the_rest_still_stands(short: Path, content: str) -> None:
    for path in sorted((short / "stages").glob("*.json")):
        path.write_text(content)
        told = words(page_of(short))
        assert f"stages/{path.name}" in told
        assert "Nothing here ran on AWS" in told


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.parametrize("value", [None, 7, "text", [], {}, [None, 3, "x"], math.nan, True])
def test_odd_values_in_any_field_never_stop_the_report(short: Path, name: str, value: object) -> None:
    path = next((short / "stages").glob(f"*-{name}.json"))
    record = json.loads(path.read_text())
    write(path, {**record, "data": dict.fromkeys(record["data"], value)})
    assert NOT_DRAWN not in page_of(short)
    write(path, dict.fromkeys(record, value))
    assert NOT_DRAWN not in page_of(short)


@pytest.mark.parametrize(
    ("stage", "field"),
    [
        ("classify", "items"),
        ("train", "epochs"),
        ("load", "samples"),
        ("stage", "samples"),
        ("prove", "roles"),
        ("prove", "network"),
    ],
)
@pytest.mark.parametrize("value", [None, "text", -1, 1e300, math.inf, [], {"a": 1}])
def test_odd_values_within_lists_never_stop_the_report(short: Path, stage: str, field: str, value: object) -> None:
    path = next((short / "stages").glob(f"*-{stage}.json"))
    record = json.loads(path.read_text())
    for key in record["data"][field][0]:
        changed = [{**record["data"][field][0], key: value}, *record["data"][field][1:]]
        write(path, {**record, "data": {**record["data"], field: changed}})
        assert NOT_DRAWN not in page_of(short), key


def test_a_section_that_breaks_is_named_and_the_others_stand(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(figures, "load", broken)
    told = words(page_of(run))
    assert f"the section 'load' {NOT_DRAWN}: RuntimeError: a mistake of ours" in told.replace("&#39;", "'")
    assert "65 images twice" in told


def test_an_empty_folder_makes_a_page_that_says_so(tmp_path: Path) -> None:
    told = words(page_of(tmp_path))
    assert "Rehearsal without a result" in told
    assert "run.json is missing" in told
    assert "No image was classified" in told


def test_text_from_the_run_is_never_markup(run: Path) -> None:
    attack = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'"
    for name in STAGES:
        change_stage(run, name, evidence=attack)
    path = next((run / "stages").glob("*-classify.json"))
    record = json.loads(path.read_text())
    for item in record["data"]["items"]:
        item.update(label=attack, true_label=attack, reason=attack, key=attack)
        item["predictions"] = [{"label": attack, "probability": 0.4}]
    write(path, record)
    prove = next((run / "stages").glob("*-prove.json"))
    record = json.loads(prove.read_text())
    record["data"]["forbidden"]["families"] = {attack: 1}
    for row in [*record["data"]["roles"], *record["data"]["network"]]:
        row.update({"role": attack, "name": attack, "kind": attack})
    write(prove, record)
    train = next((run / "stages").glob("*-train.json"))
    record = json.loads(train.read_text())
    record["data"]["epochs"] = [{"epoch": 1, f"{attack}:loss": 0.5}, {"epoch": 2, f"{attack}:loss": 0.4}]
    record["data"]["confusion"] = {"labels": [attack], "matrix": [[1]]}
    write(train, record)
    load = next((run / "stages").glob("*-load.json"))
    record = json.loads(load.read_text())
    record["data"]["errors"] = [{"error": attack, "count": 1}]
    write(load, record)
    write(run / "run.json", {"workload": attack, "source": attack, "versions": {attack: attack}, "started": attack})

    page = page_of(run)
    assert page.count("<script>") == 1
    assert "<img src=x" not in page
    assert "could not be drawn" not in page


def test_synthetic_data_is_called_so_and_real_data_is_not(run: Path) -> None:
    assert 'class="source synthetic"' in page_of(run)
    facts = json.loads((run / "run.json").read_text())
    write(run / "run.json", {**facts, "source": "cifar100", "source_title": "CIFAR-100", "synthetic": False})
    page = page_of(run)
    assert 'class="source synthetic"' not in page
    assert "drawn by a program" not in words(page)


def test_a_failed_stage_shows_its_cause_and_the_command(run: Path) -> None:
    facts = json.loads((run / "run.json").read_text())
    write(run / "run.json", {**facts, "result": "failed"})
    change_stage(run, "train", status="failed", evidence="AlgorithmError: out of memory", data={})
    told = words(page_of(run))
    assert "Rehearsal failed" in told
    assert "make rehearse STAGE=train" in told
    assert "AlgorithmError: out of memory" in told
    assert "Not shown this time" in told


def test_a_broken_objective_still_shows_what_was_measured(run: Path) -> None:
    data = json.loads(next((run / "stages").glob("*-load.json")).read_text())["data"]
    data["slo"]["passed"] = False
    write(run / "load" / "load.json", data)
    change_stage(run, "load", status="failed", evidence="objective broken", data={})
    assert "The objective was broken" in words(page_of(run))


def test_a_claim_is_made_only_for_a_stage_that_passed(run: Path) -> None:
    claim = "Taking the environment down left nothing behind"
    assert words(page_of(run)).index(claim) < words(page_of(run)).index("What no rehearsal shows")
    change_stage(run, "destroy", status="failed")
    told = words(page_of(run))
    assert told.index("Not shown this time") < told.index(claim)


def test_a_planted_image_is_neither_right_nor_wrong(run: Path) -> None:
    path = next((run / "stages").glob("*-classify.json"))
    record = json.loads(path.read_text())
    record["data"]["items"] = [item | {"true_label": "blend"} for item in record["data"]["items"] if item["label"]]
    write(path, record)
    change_stage(run, "stage", data={})
    page = page_of(run)
    assert "planted: blend" in page
    assert not re.search(r'<li class="tile"[^>]*data-kind="wrong"', page)


def test_a_long_batch_stays_within_bounds_and_says_what_is_left_out(run: Path) -> None:
    path = next((run / "stages").glob("*-classify.json"))
    record = json.loads(path.read_text())
    record["data"]["items"] *= 40
    write(path, record)
    page = page_of(run)
    assert len(page.encode()) < MAX_PAGE_BYTES
    assert "2360 more images" in words(page)


def test_writing_is_whole_or_not_at_all(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = write_report(run)
    before = report.read_text()

    def full_disk(self: Path, target: Path) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(OSError, match="no space"):
        write_report(run)
    assert report.read_text() == before
    assert [path.name for path in run.iterdir() if path.name.startswith(".")] == []


def test_the_command_line_writes_where_it_is_told(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "elsewhere" / "page.html"
    assert main([str(run), "--out", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    assert "Rehearsal passed" in out.read_text()


def test_the_command_line_names_a_missing_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path / "nowhere")])
    assert stop.value.code == 2
    assert "RUN_DIR" in capsys.readouterr().err
