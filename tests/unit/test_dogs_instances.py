"""The table of instances, and the table of rules in the README."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from training.errors import SpecError
from training.learning.rules import all_rules
from training.workloads.dogs import instances

ROOT = Path(__file__).parents[2]

MEASURED: dict[str, Any] = {
    "device": "CPU",
    "torch": "2",
    "cores": 2,
    "architecture": "resnet50",
    "side": 224,
    "images_per_second": {"files": 4.0, "memory": 4.1},
}


def test_the_page_is_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    assert instances.main([]) == 0
    assert capsys.readouterr().out == instances.PAGE.read_text(encoding="utf-8")


def test_time_and_cost_are_images_by_throughput_and_price() -> None:
    found = instances.choices("eu-west-1", {"ml.p3.2xlarge": 3.6, "here": 1.0}, MEASURED)
    assert [choice.name for choice in found] == ["ml.p3.2xlarge", "here"]
    page = instances.page(found, "eu-west-1", 3670, 10)
    assert "| 367 | 10 s | 1.7 min | 3.600 | 0.010 | 0.10 |" in page
    assert "| 4 | 918 s |" in page


def test_without_a_price_there_is_no_cost() -> None:
    (known,) = instances.choices("eu-south-1", {}, None)
    assert known.hourly is None
    assert "not known | not known | not known" in instances.page([known], "eu-south-1", 100, 1)


@pytest.mark.parametrize(
    ("prices", "measured", "reason"),
    [
        ({"ml.p9.large": 1.0}, None, "no throughput"),
        ({}, MEASURED | {"architecture": "resnet18"}, "must be of resnet50"),
    ],
)
def test_what_cannot_be_put_together_is_refused(prices: Any, measured: Any, reason: str) -> None:
    with pytest.raises(SpecError, match=reason):
        instances.choices("eu-west-1", prices, measured)


def test_wrong_arguments_exit_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "half.json").write_text(json.dumps({"device": "CPU"}))
    assert instances.main(["--price", "ml.p3.2xlarge=cheap"]) == 2
    assert instances.main(["--measured", str(tmp_path / "nowhere.json")]) == 2
    assert instances.main(["--measured", str(tmp_path / "half.json")]) == 2
    assert "US dollars per hour" in capsys.readouterr().err


def test_the_readme_lists_the_rules() -> None:
    text = (ROOT / "training" / "README.md").read_text(encoding="utf-8")
    for rule in all_rules():
        assert f"| `{rule.name}` | {rule.definition} |" in text
