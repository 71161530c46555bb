"""The report's plots, pictures and tables, one by one."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.axis import Axis, round_step
from loadtest.report.svg import HEIGHT, WIDTH, Limit, Line, line_chart
from loadtest.report.values import duration, milliseconds, number, percent
from rehearsal.report.figures import confusion, service
from rehearsal.report.pictures import bin_edges
from rehearsal.report.svg import Row, histogram, stacked_rows
from rehearsal.report.thumbnails import LONGEST_SIDE, Album

SPACE = "\N{NO-BREAK SPACE}"


@given(st.floats(1e-6, 1e9))
def test_steps_are_round_and_not_too_small(rough: float) -> None:
    step = round_step(rough)
    assert rough * 0.999 <= step <= rough * 2.51
    assert float(f"{step:.1e}"[0:3]) in {1.0, 2.0, 2.5, 5.0}


@given(st.floats(-1e6, 1e6), st.floats(0.001, 1e6), st.integers(2, 8))
def test_ticks_lie_within_their_axis(low: float, span: float, amount: int) -> None:
    axis = Axis(low, low + span, 0, 100)
    ticks = axis.ticks(amount)
    assert 1 <= len(ticks) <= amount * 2.1 + 1 or span < abs(low) * 1e-9
    assert all(-0.1 <= axis(tick) <= 100.1 for tick in ticks)


points = st.lists(st.tuples(st.floats(0, 1e4), st.none() | st.floats(0, 1e7)), max_size=30)


@given(points, st.none() | st.floats(0.001, 1e7))
def test_a_chart_is_valid_xml_within_its_picture(values: list[tuple[float, float | None]], limit: float | None) -> None:
    line = Line('loss <&">', "first", values)
    held = Limit(limit, "objective <b>") if limit else None
    svg = line_chart("Latency & more", [line], "seconds", lambda value: f"{value:.3g} ms", limit=held)
    if not svg:
        assert all(y is None for _, y in values)
        return
    for element in ElementTree.fromstring(svg).iter():  # noqa: S314 - our own markup
        for name in ("x1", "x2", "x", "cx"):
            assert -1 <= float(element.get(name, 0)) <= WIDTH + 1
        for name in ("y1", "y2", "y", "cy"):
            assert -1 <= float(element.get(name, 0)) <= HEIGHT + 1


def test_a_gap_in_the_data_is_a_gap_in_the_line() -> None:
    svg = line_chart("Loss", [Line("train", "first", [(1, 1.0), (2, 1.0), (3, None), (4, 1.0)])], "epoch", str)
    path = next(e for e in ElementTree.fromstring(svg).iter() if e.tag == "path")  # noqa: S314 - our own markup
    assert path.get("d", "").count("M") == 2


def test_a_chart_says_in_words_what_it_shows() -> None:
    svg = line_chart("Loss", [Line("train", "first", [(1, 4.0), (2, 1.0)])], "epoch", lambda v: f"{v:g}")
    assert ElementTree.fromstring(svg).get("aria-label") == "Loss. train goes from 4 to 1, at most 4."  # noqa: S314


@given(st.floats(0.001, 0.9999), st.floats(0, 1))
def test_no_bin_straddles_the_threshold_and_every_value_has_one(threshold: float, lowest: float) -> None:
    edges = bin_edges(threshold, lowest)
    assert any(abs(edge - threshold) < 1e-5 for edge in edges)
    assert edges == sorted(edges)
    assert edges[0] <= lowest + 1e-5
    assert edges[-1] == 1
    assert len(edges) < 70


def test_a_histogram_without_bars_is_nothing() -> None:
    assert histogram("t", "d", [], "x", 0.9) == ""


@pytest.mark.parametrize(
    "raw",
    [
        None, {}, {"labels": ["a"], "matrix": [[1, 2]]}, {"labels": ["a", "b"], "matrix": [[1, 2]]},
        {"labels": ["a"], "matrix": [["x"]]}, {"labels": ["a"], "matrix": [[-1]]}, {"labels": [], "matrix": []},
        {"labels": ["c"] * 21, "matrix": [[1] * 21] * 21}, {"labels": "ab", "matrix": [[1, 2], [3, 4]]},
    ],
)  # fmt: skip
def test_what_is_no_readable_confusion_matrix_is_left_out(raw: object) -> None:
    assert confusion(raw) is None


def test_a_confusion_matrix_has_the_share_of_each_true_class() -> None:
    table = confusion({"labels": ["a", "b"], "matrix": [[3, 1], [0, 0]]})
    assert [row["recall"] for row in table["rows"]] == ["75.0 %", "–"]
    assert [cell["share"] for cell in table["rows"][0]["cells"]] == [0.75, 0.25]


@pytest.mark.parametrize(
    ("kind", "owner", "what"),
    [
        ("aws_s3_bucket", "S3", "bucket"),
        ("aws_vpc_endpoint", "VPC", "vpc endpoint"),
        ("aws_default_security_group", "VPC", "default security group"),
        ("aws_cloudwatch_log_group", "CloudWatch Logs", "log group"),
        ("aws_cloudwatch_event_rule", "EventBridge", "event rule"),
        ("aws_cloudwatch_metric_alarm", "CloudWatch alarms", "metric alarm"),
        ("aws_appautoscaling_policy", "Auto Scaling", "policy"),
        ("aws_unheard_of", "Other", "unheard of"),
    ],
)
def test_resources_are_counted_with_their_service(kind: str, owner: str, what: str) -> None:
    assert service(kind) == (owner, what)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (duration(0.44), "0.4 s"), (duration(74.2), "74 s"), (duration(192), "3 min 12 s"), (duration(None), "–"),
        (percent(0.93), "93.0 %"), (percent(1.0), "100.0 %"), (percent(0.99999), "99.9 %"), (percent(None), "–"),
        (milliseconds(9.24), "9.2 ms"), (milliseconds(1234.5), "1,234 ms"), (milliseconds(None), "–"),
    ],
)  # fmt: skip
def test_figures_read_as_a_person_says_them(shown: str, expected: str) -> None:
    assert shown.replace(SPACE, " ") == expected


@pytest.mark.parametrize("value", [None, "3", True, float("nan"), float("inf"), [], {}])
def test_only_finite_numbers_are_numbers(value: object) -> None:
    assert number(value) is None


def decode(uri: str) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(base64.b64decode(uri.split(",", 1)[1]), np.uint8), cv2.IMREAD_COLOR)


def test_a_small_picture_keeps_its_pixels(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (32, 32, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    thumbnail = Album(tmp_path).picture("a.png")
    assert np.array_equal(decode(thumbnail.uri), pixels)
    assert thumbnail.coarse


def test_a_large_picture_is_made_small(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.jpg"), np.full((900, 1800, 3), 90, np.uint8))
    thumbnail = Album(tmp_path).picture(str(tmp_path / "a.jpg"))
    assert (thumbnail.width, thumbnail.height) == (LONGEST_SIDE, LONGEST_SIDE // 2)
    assert decode(thumbnail.uri).shape == (LONGEST_SIDE // 2, LONGEST_SIDE, 3)


def png(width: int, height: int, data: bytes) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "no readable image"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "no readable image"),
        (b"<svg onload='alert(1)'/>", "no readable image"),
        (png(30_000, 30_000, b""), "too many pixels"),
        (png(8, 8, b"too short"), None),
        (None, "not there"),
    ],
)
def test_what_cannot_be_shown_says_why(tmp_path: Path, content: bytes | None, problem: str | None) -> None:
    if content is not None:
        (tmp_path / "a.png").write_bytes(content)
    thumbnail = Album(tmp_path).picture("a.png")
    # Decoders differ on pixel data that ends early: either the rest is blank or there is no picture.
    assert problem is None or problem in thumbnail.problem
    assert bool(thumbnail.uri) != bool(thumbnail.problem)


def test_an_album_ends_at_its_budget(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 8, 3), np.uint8))
    album = Album(tmp_path, budget_bytes=1)
    assert album.picture("a.png").uri
    assert "keep this page small" in album.picture("a.png").problem


def test_rows_stand_below_each_other_on_one_scale() -> None:
    rows = [Row("a role", [("bar-used", 30), ("bar-unused", 10)]), Row("another <role>", [("bar-used", 20)])]
    drawn = ElementTree.fromstring(str(stacked_rows("Grants", "told", rows)))  # noqa: S314 (our own markup)
    bars = [element for element in drawn.iter() if element.tag.endswith("rect")]
    widths = [float(bar.get("width", "0")) for bar in bars]
    assert widths[0] / widths[2] == pytest.approx(1.5, rel=0.02)
    texts = [element.text for element in drawn.iter() if element.tag.endswith("text")]
    assert texts == ["a role", "40", "another <role>", "20"]
    assert str(stacked_rows("Grants", "told", [])) == ""
