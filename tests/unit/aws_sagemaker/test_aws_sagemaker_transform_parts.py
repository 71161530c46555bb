"""JSONPath as batch transform knows it, payloads, and joining records to answers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.aws.sagemaker.errors import FailedError
from rehearsal.aws.sagemaker.transform import jsonpath
from rehearsal.aws.sagemaker.transform.association import Association
from rehearsal.aws.sagemaker.transform.records import batches

VALUE = {"id": 1, "a": {"b": [10, 20, 30, 40], "c d": "x"}}


@pytest.mark.parametrize(
    ("expression", "value", "selected"),
    [
        ("$", VALUE, VALUE),
        ("$.id", VALUE, 1),
        ("$.a.b[1]", VALUE, 20),
        ("$.a.b[-1]", VALUE, 40),
        ("$['a']['c d']", VALUE, "x"),
        ("$['id','a'].b", {"id": {"b": 1}, "a": {"b": 2}}, {"id": 1, "a": 2}),
        ("$.a.['b','c d']", VALUE, VALUE["a"]),
        ("$.a.b[1:]", VALUE, [20, 30, 40]),
        ("$.a.b[:2]", VALUE, [10, 20]),
        ("$[0,5:]", list(range(8)), [0, 5, 6, 7]),
        ("$[*].x", [{"x": 1}, {"x": 2}], [1, 2]),
        ("$.*", {"x": 1}, {"x": 1}),
    ],
)
def test_what_an_expression_selects(expression: str, value: Any, selected: Any) -> None:
    assert jsonpath.select(jsonpath.parse(expression), value) == selected


@pytest.mark.parametrize("expression", ["", "id", "$..id", "$[?(@.a)]", "$[a]", "$.a[", "$[1:2:3]", "$a", "$[]"])
def test_an_expression_that_is_not_understood_is_named(expression: str) -> None:
    with pytest.raises(jsonpath.JsonPathError):
        jsonpath.parse(expression)


@pytest.mark.parametrize(("expression", "value"), [("$.x", VALUE), ("$[9]", [1]), ("$[0]", VALUE), ("$[1:]", VALUE)])
def test_what_is_not_there_is_an_error(expression: str, value: Any) -> None:
    with pytest.raises(jsonpath.JsonPathError):
        jsonpath.select(jsonpath.parse(expression), value)


@given(
    st.lists(st.binary(min_size=1, max_size=9).filter(lambda b: b"\n" not in b and b"\r" not in b)), st.integers(9, 40)
)
def test_batches_hold_every_line_once_and_stay_below_the_limit(rows: list[bytes], limit: int) -> None:
    made = list(batches([row + b"\n" for row in rows], by_line=True, single=False, limit=limit))
    assert [row for batch in made for row in batch] == rows
    assert all(len(b"\n".join(batch)) <= limit for batch in made)


def test_a_record_above_the_limit_is_an_error() -> None:
    for by_line in (True, False):
        with pytest.raises(FailedError, match="Too much data for max payload size: 5 bytes against 4"):
            list(batches([b"12345"], by_line=by_line, single=True, limit=4))
    assert list(batches([b"a\n", b"b"], by_line=False, single=False, limit=None)) == [[b"a\nb"]]


def test_rows_are_joined_and_filtered() -> None:
    config = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    steps = Association(config, "text/csv; charset=utf-8", by_line=True)
    records = [b'7,"a, b",1', b"8,c,2"]
    assert steps.to_model(records) == [b'"a, b",1', b"c,2"]
    assert steps.from_model(records, b"0.1\n0.2\n", "text/csv") == [b"7,0.1", b"8,0.2"]


def test_what_is_no_object_is_kept_beside_the_output() -> None:
    steps = Association({"JoinSource": "Input"}, "application/json", by_line=False)
    assert steps.from_model([b"[1, 2]"], b'{"p": 1}', "application/json") == [
        b'{"SageMakerInput": [1, 2], "SageMakerOutput": {"p": 1}}'
    ]


@pytest.mark.parametrize(
    ("records", "answer", "message"),
    [
        ([b"1", b"2"], b"1\n", "2 records cannot be joined to 1 answers"),
        ([b"{"], b"1", "a record is not of its content type"),
        ([b'{"a": 1}'], b'{"b": 1}', "'c' is not there"),
    ],
)
def test_what_cannot_be_joined_is_named(records: list[bytes], answer: bytes, message: str) -> None:
    steps = Association({"JoinSource": "Input", "OutputFilter": "$.c"}, "application/jsonlines", by_line=True)
    with pytest.raises(FailedError, match=message):
        steps.from_model(records, answer, "application/jsonlines")
