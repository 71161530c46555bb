"""What ``DataProcessing`` does: filter records before the model, join what it says to them, filter the result.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
"""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from rehearsal.aws.sagemaker.errors import FailedError
from rehearsal.aws.sagemaker.transform import jsonpath

FORMATS = {"text/csv": "csv", "application/json": "json", "application/jsonlines": "json"}
"""Content types that can be processed."""


class Association:
    """The three steps for one job. Without ``DataProcessing`` records and answers pass untouched."""

    def __init__(self, config: dict[str, Any], content_type: str, *, by_line: bool) -> None:
        self._input = jsonpath.parse(config.get("InputFilter") or "$")
        self._output = jsonpath.parse(config.get("OutputFilter") or "$")
        self._joins = config.get("JoinSource") == "Input"
        self._format = FORMATS.get(media(content_type), "")
        self._by_line = by_line
        self.active = bool(self._input or self._output or self._joins)

    def to_model(self, records: list[bytes]) -> list[bytes]:
        """Return what the model gets of records.

        Raises
        ------
        FailedError
            For a record that is not of its content type or lacks what the filter selects.
        """
        if not self._input:
            return records
        return [_write(self._format, _select(self._input, _read(self._format, record))) for record in records]

    def from_model(self, records: list[bytes], answer: bytes, answer_type: str) -> list[bytes]:
        """Return the output records of one request.

        Raises
        ------
        FailedError
            When the answer has not one record for each, is of another kind, or lacks what the filter selects.
        """
        if not self._joins and not self._output:
            return [answer]
        form = FORMATS.get(media(answer_type), self._format)
        lines = [line for line in answer.splitlines() if line.strip()] if self._by_line else [answer]
        if not self._joins:
            return [_write(form, _select(self._output, _read(form, line))) for line in lines]
        if len(lines) != len(records):
            raise FailedError(f"ClientError: {len(records)} records cannot be joined to {len(lines)} answers")
        joined = [self._join(record, _read(form, line)) for record, line in zip(records, lines, strict=True)]
        return [_write(self._format, _select(self._output, one)) for one in joined]

    def _join(self, record: bytes, said: Any) -> Any:
        given = _read(self._format, record)
        if self._format == "csv":
            return [*given, *(said if isinstance(said, list) else [said])]
        if isinstance(given, dict):
            return {**given, "SageMakerOutput": said}
        return {"SageMakerInput": given, "SageMakerOutput": said}


def media(content_type: str) -> str:
    """Return a content type without its parameters."""
    return content_type.split(";", 1)[0].strip().lower()


def _select(steps: tuple[jsonpath.Step, ...], value: Any) -> Any:
    try:
        return jsonpath.select(steps, value)
    except jsonpath.JsonPathError as error:
        raise FailedError(f"ClientError: a filter cannot be applied to a record: {error}") from error


def _read(form: str, record: bytes) -> Any:
    try:
        text = record.decode()
        return next(csv.reader([text]), []) if form == "csv" else json.loads(text)
    except (ValueError, csv.Error) as error:
        raise FailedError(f"ClientError: a record is not of its content type: {error}") from error


def _write(form: str, value: Any) -> bytes:
    if form != "csv":
        return json.dumps(value).encode()
    row = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else [value]
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(row)
    return out.getvalue().encode()
