"""Average precision: known cases, and a naive implementation that shares no code with ours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.learning.detection import precision
from training.learning.detection.precision import Found, Truth


def found(*rows: tuple[float, ...]) -> Found:
    """Boxes from (left, top, right, bottom, score), class 0, the surest first."""
    ordered = np.array(sorted(rows, key=lambda row: -row[4]), np.float32).reshape(-1, 5)
    return Found(ordered[:, :4], ordered[:, 4], np.zeros(len(ordered), np.int64))


def truth(*rows: tuple[float, ...]) -> Truth:
    return Truth(np.array(rows, np.float32).reshape(-1, 4), np.zeros(len(rows), np.int64))


A, B, FAR = (0, 0, 10, 10), (20, 20, 40, 30), (80, 80, 90, 90)


def test_all_found_and_nothing_else_is_one():
    judged = precision.judge([found((*A, 0.9), (*B, 0.8))], [truth(A, B)], ("car",), 0.5)
    assert {judged[name] for name in ("ap", "ap50", "ap75", "voc_ap50", "precision", "recall")} == {1.0}


def test_nothing_found_is_nought():
    judged = precision.judge([found()], [truth(A)], ("car",), 0.5)
    assert {judged[name] for name in ("ap", "ap50", "voc_ap50", "precision", "recall")} == {0.0}


def test_a_class_without_objects_counts_for_nothing():
    boxes = found((*A, 0.9))
    two = [Found(boxes.boxes, boxes.scores, boxes.classes)]
    assert precision.judge(two, [truth(A)], ("car", "van"), 0.5)["ap50"] == 1.0


def test_a_false_alarm_before_the_only_hit_halves_precision():
    curve = precision.curve([found((*FAR, 0.9), (*A, 0.8))], [truth(A)], 0, 0.5)
    assert curve.precision.tolist() == [0.0, 0.5]
    assert (precision.voc(curve), precision.coco(curve)) == (0.5, pytest.approx(0.5))


def test_one_of_two_objects_found_reaches_half_of_the_recalls():
    """Precision 1 up to a recall of 0.5: 51 of COCO's 101 recalls, exactly half of VOC's area."""
    curve = precision.curve([found((*A, 0.9))], [truth(A, B)], 0, 0.5)
    assert precision.coco(curve) == pytest.approx(51 / 101)
    assert precision.voc(curve) == pytest.approx(0.5)


def test_a_second_box_on_the_same_object_is_a_false_alarm():
    curve = precision.curve([found((*A, 0.9), (1, 0, 11, 10, 0.8))], [truth(A)], 0, 0.5)
    assert curve.precision.tolist() == [1.0, 0.5]


def test_overlap_decides_which_thresholds_a_box_passes():
    """8 of 10 columns shared: an intersection over union of 0.8 passes seven of the ten thresholds."""
    judged = precision.judge([found((0, 0, 8, 10, 0.9))], [truth(A)], ("car",), 0.5)
    assert judged["ap"] == pytest.approx(0.7)
    assert (judged["ap50"], judged["ap75"]) == (1.0, 1.0)


def test_precision_and_recall_are_told_at_the_score_that_is_used():
    every = [found((*A, 0.9), (*FAR, 0.7), (*B, 0.3)), found((*FAR, 0.2))]
    judged = precision.judge(every, [truth(A, B), truth()], ("car",), 0.5)
    assert (judged["precision"], judged["recall"], judged["objects"]) == (0.5, 0.5, 2)


def naive_ap(images: list[tuple[Found, Truth]], threshold: float, *, coco: bool) -> float:
    """Loops over everything, no arrays: the definition as it is told."""
    objects = sum(len(real.boxes) for _, real in images)
    if not objects:
        return float("nan")
    rows = [(float(s), k, n) for k, (each, _) in enumerate(images) for n, s in enumerate(each.scores)]
    taken: set[tuple[int, int]] = set()
    points, true, false = [], 0, 0
    for _, image, number in sorted(rows, key=lambda row: -row[0]):
        best, at = threshold, None
        for index, other in enumerate(images[image][1].boxes.tolist()):
            shared = iou(images[image][0].boxes[number].tolist(), other)
            if (image, index) not in taken and shared >= best and (at is None or shared > best):
                best, at = shared, index
        if at is None:
            false += 1
        else:
            true += 1
            taken.add((image, at))
        points.append((true / objects, true / (true + false)))
    if coco:
        recalls = [k / 100 for k in range(101)]
        return sum(max([p for r, p in points if r >= wanted - 1e-12], default=0.0) for wanted in recalls) / 101
    area, before = 0.0, 0.0
    for recall in sorted({r for r, _ in points}):
        area += (recall - before) * max(p for r, p in points if r >= recall)
        before = recall
    return area


def iou(a: list[float], b: list[float]) -> float:
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(wide, 0.0) * max(high, 0.0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


box = st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(2, 9), st.integers(2, 9)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.lists(box, max_size=6), st.lists(box, max_size=4)), min_size=1, max_size=4), st.randoms())
def test_ours_is_the_naive_one(drawn, random):
    scores = [k / 64 for k in range(1, 64)]  # all different: which of two equals comes first is not defined
    random.shuffle(scores)
    images = [(found(*((*b, scores.pop()) for b in seen)), truth(*real)) for seen, real in drawn]
    for threshold in (0.5, 0.75):
        curve = precision.curve([f for f, _ in images], [t for _, t in images], 0, threshold)
        for ours, coco in ((precision.coco, True), (precision.voc, False)):
            expected = naive_ap(images, threshold, coco=coco)
            assert ours(curve) == pytest.approx(expected, nan_ok=True, abs=1e-9)
