"""Findings of others' linters: each is corrected or has its reason, and a reason lasts as long as its finding."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from rehearsal.prove import lint
from rehearsal.prove.lint import Acceptance, Finding, read_acceptances
from rehearsal.prove.lint_worker import _single_values
from rehearsal.prove.used import EvidenceError

FOUND = Finding("parliament", "slipway-deploy", "Keys", "RESOURCE_STAR", "kms:PutKeyPolicy")
REASON = Acceptance("parliament", "RESOURCE_STAR", "slipway-*", "Keys", "A key has no name before it is made.")


def judged(
    monkeypatch: pytest.MonkeyPatch, found: list[Finding], accepted: list[Acceptance]
) -> tuple[list[str], list[str]]:
    monkeypatch.setattr(lint, "ask", lambda _: (found, {"parliament": "1.6.4"}))
    monkeypatch.setattr(lint, "read_acceptances", lambda: accepted)
    told = lint.lint([])
    return told.lines, told.failures


def test_a_finding_without_a_reason_is_told_with_role_statement_and_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    lines, (told,) = judged(monkeypatch, [FOUND], [])
    assert lines == ["  parliament 1.6.4: 1 findings, 0 with a reason"]
    for part in ("slipway-deploy", "Keys", "RESOURCE_STAR", "kms:PutKeyPolicy", "lint_reasons.yaml"):
        assert part in told


def test_a_reason_covers_its_finding_and_goes_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judged(monkeypatch, [FOUND], [REASON])[1] == []
    (told,) = judged(monkeypatch, [], [REASON])[1]
    assert "no more" in told


@pytest.mark.parametrize("change", [{"reason": "short"}, {"expires": "2030-01-01"}])
def test_entries_have_one_form_and_a_reason(tmp_path: Path, change: dict[str, str]) -> None:
    entry = {name: getattr(REASON, name) for name in ("tool", "issue", "role", "statement", "reason")}
    path = tmp_path / "lint_reasons.yaml"
    path.write_text(json.dumps([entry]))
    assert read_acceptances(path) == [REASON]
    path.write_text(json.dumps([entry | change]))
    with pytest.raises(EvidenceError, match="reason"):
        read_acceptances(path)


def test_linters_that_complain_do_not_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text("import sys; print('{}'); print('trouble', file=sys.stderr)")
    monkeypatch.setattr(lint, "WORKER", worker)
    monkeypatch.setattr(lint, "PYTHON", Path(sys.executable))
    with pytest.raises(EvidenceError, match="trouble"):
        lint.ask([])
    monkeypatch.setattr(lint, "PYTHON", tmp_path / "none")
    with pytest.raises(EvidenceError, match="not installed"):
        lint.ask([])


def test_lists_of_one_value_are_written_as_the_value() -> None:
    condition = {"Bool": {"kms:GrantIsForAWSResource": ["true"]}, "StringLike": {"s3:prefix": ["a", "b"]}}
    (statement,) = _single_values({"Statement": [{"Sid": "S", "Condition": condition}]})["Statement"]
    assert statement["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}
    assert statement["Condition"]["StringLike"] == {"s3:prefix": ["a", "b"]}
