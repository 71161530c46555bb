"""The rehearsal of claims: photos for every branch are found, wrong records are noticed, and the sheet is drawn."""

from __future__ import annotations

import copy
import json
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from functions.common import claim_record, claim_rule
from rehearsal.assessing import photos, pictures, records
from rehearsal.run import RehearsalError
from rehearsal.stages.assess import demand_told

LIMITS = photos.Thresholds(car=0.4, damage=0.7)
DARK, DAMAGE = 40, 120
"""What a car's pixels are here, in blue, and what those of damage are, in red."""


def scene(*, car: bool = True, damaged: bool = False) -> np.ndarray:
    """A grey street; a dark square for a car, with red in it for damage."""
    picture = np.full((96, 128, 3), 190, np.uint8)
    if car:
        picture[30:70, 40:90] = DARK
        if damaged:
            picture[40:60, 50:80, 2] = DAMAGE
    return picture


def ask(model: str, body: bytes) -> list[dict[str, Any]]:
    """Models that know these scenes: how much darker, and how much redder, the middle is."""
    picture = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR).astype(float)
    if model == "detector":
        score = (190 - picture[30:40, 40:90, 0].mean()) / (190 - DARK)
        return [{"label": "car", "index": 0, "score": score, "box": [40, 30, 90, 70]}] if score > 0.1 else []
    damaged = float(np.clip((picture[40:60, 50:80, 2].mean() - DARK) / (DAMAGE - DARK), 0, 1))
    return [{"label": "damaged", "index": 0, "probability": damaged}, {"label": "whole", "probability": 1 - damaged}]


@pytest.fixture
def staged(tmp_path: Path) -> tuple[Path, Path, Path]:
    cars, streets, made = tmp_path / "cars", tmp_path / "streets", tmp_path / "made"
    for name in ("damaged", "whole"):
        (cars / "test" / name).mkdir(parents=True)
        for number in range(4):
            cv2.imwrite(str(cars / "test" / name / f"{number}.png"), scene(damaged=name == "damaged"))
    (streets / "test").mkdir(parents=True)
    lines = []
    for number in range(4):
        empty = number < 3
        cv2.imwrite(str(streets / "test" / f"{number}.png"), scene(car=not empty))
        boxes = [] if empty else [{"class_id": 0, "left": 40, "top": 30, "width": 50, "height": 40}]
        lines.append(json.dumps({"file": f"{number}.png", "annotations": boxes}))
    (streets / "test" / "annotations.jsonl").write_text("\n".join(lines))
    made.mkdir()
    return cars, streets, made


def test_photos_are_found_for_every_branch(staged):
    chosen = photos.choose(*staged, count=6, thresholds=LIMITS, ask=ask)
    assert Counter(photo.shows for photo in chosen) == {
        "damaged": 3,
        "whole": 3,
        "no car": 2,
        "fog": 1,
        "unsure": 1,
        "truncated": 1,
    }
    by_shown = {photo.shows: photo.path.read_bytes() for photo in chosen}
    score = ask("detector", by_shown["fog"])[0]["score"]
    assert 0 < score < LIMITS.car
    damaged = ask("classifier", by_shown["unsure"])[0]["probability"]
    assert 0.5 <= damaged < LIMITS.damage
    assert ask("detector", by_shown["unsure"])[0]["score"] >= LIMITS.car
    assert not ask("detector", by_shown["no car"])
    assert cv2.imdecode(np.frombuffer(by_shown["truncated"], np.uint8), cv2.IMREAD_COLOR) is None


@pytest.mark.parametrize(
    ("model", "answer", "says"),
    [
        ("detector", [{"label": "car", "score": 0.9}], "sees cars in all but 0"),
        ("classifier", [{"label": "damaged", "probability": 1.0}], "no blend"),
    ],
)
def test_photos_that_cannot_be_found_are_named(staged, model, answer, says):
    with pytest.raises(RehearsalError, match=says):
        photos.choose(
            *staged, count=6, thresholds=LIMITS, ask=lambda asked, body: answer if asked == model else ask(asked, body)
        )
    with pytest.raises(RehearsalError, match="50 are needed"):
        photos.choose(*staged, count=100, thresholds=LIMITS, ask=ask)


def record(claim: str = "C-1", damage: float = 0.9, score: float = 0.8) -> dict[str, Any]:
    boxes = [{"label": "car", "index": 0, "score": score, "box": [40, 30, 90, 70]}] if score else []
    asked = score >= LIMITS.car
    reason = claim_rule.without_car([score] if score else [], LIMITS.car)
    shares = {"damaged": damage, "whole": 1 - damage}
    reason = reason or claim_rule.of_car(shares, "damaged", LIMITS.damage)
    photo = {
        "bucket": "b",
        "key": "k",
        "version": "v",
        "etag": "e",
        "width": 128,
        "height": 96,
        "boxes": boxes,
        "classes": [{"label": name, "probability": share} for name, share in shares.items()] if asked else None,
        "detector": {"endpoint": "d", "version": "1"},
        "classifier": {"endpoint": "c", "version": "1"} if asked else None,
        "reason": reason,
        "verdict": claim_rule.verdict(reason),
        "assessed_at": "2026",
    }
    made = {
        "claim": claim,
        "photos": [photo],
        "reason": reason,
        "verdict": claim_rule.verdict(reason),
        "thresholds": {"car": LIMITS.car, "damage": LIMITS.damage},
        "labels": {"car": "car", "damage": "damaged"},
    }
    return {**made, "entry": claim_record.entry(made)}


def test_a_record_that_follows_from_its_evidence_passes():
    records.demand_evidence([record(), record(damage=0.6), record(damage=0.1), record(score=0.3), record(score=0)])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("verdict",), "audit"),
        (("reason",), "no_damage"),
        (("entry",), "assessment#0"),
        (("photos", 0, "reason"), "no_car"),
        (("photos", 0, "classes", 0, "probability"), 0.1),
        (("photos", 0, "boxes", 0, "score"), 0.1),
        (("photos", 0, "assessed_at"), ""),
    ],
)
def test_a_record_that_does_not_is_noticed(path, value):
    wrong = copy.deepcopy(record())
    inner: Any = wrong
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    with pytest.raises(RehearsalError):
        records.demand_evidence([wrong])


def test_lost_and_doubled_assessments_are_noticed():
    records.demand_amounts({"a": [record()], "b": []}, {"a": 1, "b": 0})
    for found in ({"a": [], "b": []}, {"a": [record(), record()], "b": []}, {"a": [record()], "b": [record()]}):
        with pytest.raises(RehearsalError, match=r"\(found, wanted\)"):
            records.demand_amounts(found, {"a": 1, "b": 0})


def test_a_branch_that_was_not_seen_is_named():
    records.demand_branches(Counter(claim_rule.REASONS))
    with pytest.raises(RehearsalError, match="damage_uncertain"):
        records.demand_branches(Counter(set(claim_rule.REASONS) - {"damage_uncertain"}))


def test_every_audit_and_the_failure_must_be_told_once():
    audit = json.dumps({"result": {"claim": "C-1", "entry": "e"}})
    failed = json.dumps({"caught": {"Error": "TruncatedImage"}, "submission": {"object": {"key": "k/cut.png"}}})
    demand_told([audit, failed], {("C-1", "e")}, "k/cut.png")
    for told in ([audit], [failed], [audit, audit, failed], [audit, failed, failed]):
        with pytest.raises(RehearsalError):
            demand_told(told, {("C-1", "e")}, "k/cut.png")
    with pytest.raises(RehearsalError):
        demand_told([audit, failed], {("C-1", "e")}, "k/another.png")


def test_the_sheet_shows_every_photo(tmp_path):
    made = [record(), record(damage=0.6), record(damage=0.1), record(score=0.3), record(score=0)]
    file = tmp_path / "a.png"
    cv2.imwrite(str(file), scene(damaged=True))
    pictures.sheet(tmp_path / "sheet.png", [(file, one["photos"][0], one) for one in made])
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    tile = pictures.WIDTH * 3 // 4 + pictures.TEXT + pictures.GAP
    assert sheet.shape == (2 * tile + pictures.GAP, 4 * (pictures.WIDTH + pictures.GAP) + pictures.GAP, 3)
    assert (sheet == pictures.SURE).all(axis=2).sum() > 100
    assert (sheet == pictures.UNSURE).all(axis=2).sum() > 50
