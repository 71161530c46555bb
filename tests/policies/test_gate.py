"""The scan fails when a check fails, and also when it cannot be trusted."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

import policies.__main__ as gate
from policies import builtin, registry
from policies.builtin import (
    FOLDERS,
    Checkov,
    Finding,
    Misfires,
    PolicyError,
    demand_every_module_seen,
    judge,
    load_misfires,
)
from policies.judging import PATIENCE_S
from policies.plan import UnreadableError
from policies.registry import RegistryError

FLOOR = {"loaded": 2, "code": ["CKV_X"], "plan": []}
TODAY = datetime.date(2026, 6, 1)
REASON = "S3 cannot deliver access logs otherwise"
NONE = Misfires({})
KNOWN = Misfires({}, [Finding("CKV_X", "aws_s3_bucket.l*", REASON, TODAY)])
ELSEWHERE = Misfires({}, [Finding("CKV_X", "*", REASON, TODAY, where=("dev",))])


def record(outcome: str = "passed", check: str = "CKV_X", **more: Any) -> dict[str, Any]:
    about = {
        "resource": "aws_s3_bucket.logs",
        "file": "/bucket/main.tf",
        "line": 7,
        "title": "Encrypt it",
        "comment": "",
    }
    return {"outcome": outcome, "check": check, **about, **more}


def answer(*records: dict[str, Any], **more: Any) -> dict[str, Any]:
    scan = {"name": FOLDERS[0], "resources": 3, "errors": [], "records": list(records), "seconds": 0.1, **more}
    return {"version": "3", "loaded": ["CKV_X", "CKV_Y"], "scans": [scan]}


def judged(given: dict[str, Any], misfires: Misfires = NONE, floor: dict[str, Any] = FLOOR) -> builtin.Outcome:
    return judge(given, [FOLDERS[0]], misfires, floor, TODAY)


def test_a_failed_check_is_told_with_its_place() -> None:
    outcome = judged(answer(record(), record("failed", "CKV_Y")))
    place = "terraform/modules/bucket/main.tf:7"
    assert outcome.failed == [(place, f"CKV_Y {place} aws_s3_bucket.logs: Encrypt it")]
    assert outcome.passed.total() == 1


def test_a_known_finding_is_skipped_and_counted_and_elsewhere_still_fails() -> None:
    outcome = judged(answer(record("failed"), record("failed", resource="aws_s3_bucket.data")), KNOWN)
    assert outcome.skipped.total() == 1
    assert len(outcome.failed) == 1


@pytest.mark.parametrize(
    ("given", "misfires", "floor", "says"),
    [
        (answer(record(), errors=["broken.tf"]), NONE, FLOOR, r"cannot read: broken\.tf"),
        (answer(), NONE, FLOOR, "scanned nothing"),
        (answer(record(), resources=0), NONE, FLOOR, "scanned nothing"),
        (answer(record(), name="elsewhere"), NONE, FLOOR, "instead of"),
        (answer(record()), KNOWN, FLOOR, "nothing to switch off any more"),
        (answer(record("failed")), ELSEWHERE, FLOOR, "nothing to switch off any more"),
        (answer(record()), NONE, {**FLOOR, "loaded": 3}, "loaded 2 checks, and 3"),
        (answer(record()), NONE, {**FLOOR, "code": ["CKV_X", "CKV_Z"]}, "no longer evaluates CKV_Z over the code"),
        (answer(record("skipped", comment="No comment provided")), NONE, FLOOR, "skip of CKV_X without a reason"),
        (answer(record("skipped", comment=" ")), NONE, FLOOR, "skip of CKV_X without a reason"),
        (answer(record("skipped", comment="because")), NONE, FLOOR, "skip of CKV_X without a reason"),
        (answer(record("skipped", comment=REASON)), NONE, FLOOR, "without an end"),
        (answer(record("skipped", comment=f"{REASON}, until 2026-05-31")), NONE, FLOOR, "or past it"),
    ],
)
def test_what_cannot_be_trusted_fails(
    given: dict[str, Any], misfires: Misfires, floor: dict[str, Any], says: str
) -> None:
    with pytest.raises(PolicyError, match=says):
        judged(given, misfires, floor)


def test_a_skip_with_a_reason_and_an_end_is_taken() -> None:
    assert judged(answer(record("skipped", comment=f"{REASON}, until 2026-06-01"))).skipped.total() == 1


@pytest.mark.parametrize("reason", ["null", "''", "because"])
def test_switching_a_check_off_takes_a_reason(reason: str) -> None:
    with pytest.raises(PolicyError, match="has no reason"):
        load_misfires(f"checks: {{CKV_X: {reason}}}\nfindings: []", TODAY)


@pytest.mark.parametrize("end", ["", ", expires: soon", ", expires: 2026-05-31"])
def test_a_known_finding_takes_an_end(end: str) -> None:
    text = f"checks: {{}}\nfindings: [{{check: CKV_X, resource: aws_x.y, reason: {REASON}{end}}}]"
    with pytest.raises(PolicyError, match="has no end, or is past it"):
        load_misfires(text, TODAY)


def test_a_module_that_no_check_has_seen_fails() -> None:
    with pytest.raises(PolicyError, match="no check looked at the modules: alerts, "):
        demand_every_module_seen(answer(record()))


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("print('Traceback')", "gave no answer"),
        ("import sys; sys.exit(3)", r"gave no answer \(exit 3\)"),
        ("import sys; print('{}'); sys.exit(1)", "ended with exit 1"),
        ("import sys; print('a check raised', file=sys.stderr); print('{}')", "complained"),
        ("raise ImportError('a check cannot be imported')", "cannot be imported"),
    ],
)
def test_a_scanner_that_did_not_scan_fails(
    script: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(script)
    monkeypatch.setattr(builtin, "WORKER", worker)
    checkov = Checkov(python=Path(gate.sys.executable))
    with pytest.raises(PolicyError, match=says):
        checkov.answer()
    checkov.close()


def test_without_checkov_there_is_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="not installed"):
        Checkov(python=tmp_path / "none")


BUCKET = 'resource "aws_s3_bucket" "b" {\n  bucket = "b"\n}\n'


def test_the_real_checkov_is_not_believed_when_it_could_not_look(tmp_path: Path) -> None:
    texts = {
        "broken": 'resource "aws_s3_bucket" {{{\n',
        "empty": "# nothing\n",
        "skipped": BUCKET.replace("{\n", "{\n  #checkov:skip=CKV_AWS_18\n"),
    }
    for name, text in texts.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.tf").write_text(text)
    (tmp_path / "no_plan.json").write_text('{"resources": [')
    checkov = Checkov(folders=list(texts), root=tmp_path)
    checkov.plan("no plan", tmp_path / "no_plan.json")
    given = checkov.answer()
    says = {"broken": "cannot read", "empty": "nothing", "skipped": "CKV_AWS_18 without a reason", "no plan": "nothing"}
    for name, words in says.items():
        one = {**given, "scans": [scan for scan in given["scans"] if scan["name"] == name]}
        with pytest.raises(PolicyError, match=words):
            judge(one, [name], NONE, {"loaded": 1000, "code": [], "plan": []}, TODAY)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("CONTROL = None\n", "defines no CONTROL"),
        ("X = 1\n", "defines no CONTROL"),
        ("raise ValueError('at import')\n", "cannot be loaded"),
        ("def broken(:\n", "cannot be loaded"),
    ],
)
def test_a_control_that_cannot_be_loaded_is_an_error(
    text: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slip_x.py").write_text(text)
    monkeypatch.setattr(registry, "FOLDER", tmp_path)
    with pytest.raises(RegistryError, match=says):
        registry.load()


def test_a_control_that_is_lost_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text(registry.EXPECTED.read_text() + "SLIP_ZZ_LOST\n")
    monkeypatch.setattr(registry, "EXPECTED", ids)
    with pytest.raises(RegistryError, match="SLIP_ZZ_LOST"):
        registry.load()


@pytest.mark.parametrize(
    ("outcome", "code"),
    [(True, 0), (False, 1), (PolicyError("cannot read"), 2), (UnreadableError("torn"), 2), (RegistryError("lost"), 2)],
)
def test_the_exit_code_tells_whether_it_passed_failed_or_cannot_be_trusted(
    outcome: bool | Exception, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def everything(_: bool) -> bool:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(gate, "everything", everything)
    assert gate.main([]) == code


def test_a_scan_that_takes_too_long_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert gate.tell_times({"dev": 0.1, "prod": 0.2}, {"dev": 1.0, "prod": PATIENCE_S}) == ["prod"]
    assert "too slow" in capsys.readouterr().out
    assert gate.tell_times({"dev": 0.1}, {"dev": 1.0}) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}'])
def test_a_plan_that_is_none_is_refused(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    assert gate.main(["--plan", str(path)]) == 2
    assert "is no plan in JSON" in capsys.readouterr().err
    assert gate.main(["--plan", str(tmp_path / "none.json")]) == 2
