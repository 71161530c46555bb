"""The scan fails when a check fails, and also when it cannot be trusted."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

import policies.__main__ as gate
from policies.__main__ import Misfires, PolicyError, demand_every_module_seen, judge, load_misfires

NONE = Misfires({}, {})
KNOWN = Misfires({}, {("CKV_X", "aws_s3_bucket.logs"): "S3 cannot deliver access logs otherwise."})


def report(**results: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"passed_checks": [], "failed_checks": [], "skipped_checks": [], "parsing_errors": []}
    return {"results": empty | results}


def check(check_id: str = "CKV_X", resource: str = "aws_s3_bucket.logs", **more: Any) -> dict[str, Any]:
    about = {"file_path": "/bucket/main.tf", "file_line_range": [7, 9], "check_name": "Encrypt it"}
    return {"check_id": check_id, "resource": resource, **about, **more}


def test_a_failed_check_is_told_with_its_place() -> None:
    counts, failed = judge([report(passed_checks=[check()], failed_checks=[check("CKV_Y")])], NONE)
    assert failed == ["CKV_Y /bucket/main.tf:7 aws_s3_bucket.logs: Encrypt it"]
    assert counts["passed"] == 1


def test_a_known_finding_is_skipped_and_counted() -> None:
    counts, failed = judge([report(failed_checks=[check()])], KNOWN)
    assert failed == []
    assert counts["skipped"] == 1


def test_a_known_finding_elsewhere_still_fails() -> None:
    assert judge([report(failed_checks=[check(), check(resource="aws_s3_bucket.data")])], KNOWN)[1]


@pytest.mark.parametrize(
    ("results", "misfires", "says"),
    [
        ({"parsing_errors": ["broken.tf"]}, NONE, r"cannot read: broken\.tf"),
        ({"skipped_checks": [check(check_result={"suppress_comment": " "})]}, NONE, "skip of CKV_X without a reason"),
        ({}, KNOWN, "no longer found, so delete"),
    ],
)
def test_what_cannot_be_trusted_fails(results: dict[str, Any], misfires: Misfires, says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        judge([report(**results)], misfires)


@pytest.mark.parametrize("reason", ["null", "''", "because"])
def test_switching_a_check_off_takes_a_reason(reason: str) -> None:
    with pytest.raises(PolicyError, match="has no reason"):
        load_misfires(f"checks: {{CKV_X: {reason}}}\nfindings: []")


def test_a_module_that_no_check_has_seen_fails() -> None:
    with pytest.raises(PolicyError, match="no check looked at the modules: alerts, "):
        demand_every_module_seen(Counter({"file:/bucket/main.tf": 3}))


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("print('{}')", "scanned nothing"),
        ("print('Traceback')", "gave no JSON"),
        ("import sys; print('a check raised', file=sys.stderr); print('{\"results\": {}}')", "complained"),
    ],
)
def test_a_scanner_that_did_not_scan_fails(script: str, says: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    scanner = tmp_path / "checkov"
    scanner.write_text(f"#!/usr/bin/env python3\n{script}\n")
    scanner.chmod(0o755)
    monkeypatch.setattr(gate, "CHECKOV", scanner)
    with pytest.raises(PolicyError, match=says):
        gate.scan("terraform/modules", NONE)


@pytest.mark.parametrize(
    ("results", "code", "says"),
    [
        ({}, 0, "0 failed"),
        ({"failed_checks": [check("CKV_Y")]}, 1, "CKV_Y /bucket/main.tf:7"),
        ({"parsing_errors": ["broken.tf"]}, 2, "cannot read"),
    ],
)
def test_the_exit_code_tells_whether_it_passed_failed_or_cannot_be_trusted(
    results: dict[str, Any], code: int, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gate, "load_misfires", lambda _text: NONE)
    monkeypatch.setattr(gate, "scan", lambda *_: report(**results))
    monkeypatch.setattr(gate, "demand_every_module_seen", lambda _counts: None)
    monkeypatch.setattr(gate, "report_environments", lambda: True)
    assert gate.main() == code
    said = capsys.readouterr()
    assert says in said.out + said.err


def test_a_failed_control_fails_the_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "load_misfires", lambda _text: NONE)
    monkeypatch.setattr(gate, "scan", lambda *_: report())
    monkeypatch.setattr(gate, "demand_every_module_seen", lambda _counts: None)
    monkeypatch.setattr(gate, "report_environments", lambda: False)
    assert gate.main() == 1
