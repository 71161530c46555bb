"""Which rehearsal speaks for the code that lies here, and which documents decided in it."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from policies.plan import Plan
from rehearsal.prove import __main__ as command
from rehearsal.prove import freshness
from rehearsal.prove.documents import documents
from rehearsal.prove.verdict import Verdict
from rehearsal.run import RehearsalError, write_json
from tests.unit.prove_plans import account, environment


def tree(top: Path) -> Path:
    for name in ("functions/a/handler.py", "rehearsal/stages/x.py", "rehearsal/report/page.py", "training/w.yaml"):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text("1\n")
    return top


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("functions/a/handler.py", True),
        ("training/w.yaml", True),
        ("rehearsal/prove/forbidden/new.py", True),
        ("rehearsal/prove/pages.py", False),
        ("rehearsal/report/page.py", False),
        ("rehearsal/README.md", False),
        ("functions/dist/a.zip", False),
    ],
)
def test_only_code_that_makes_calls_counts(tmp_path: Path, name: str, *, counts: bool) -> None:
    top = tree(tmp_path)
    before = freshness.code_fingerprint(top)
    (top / name).parent.mkdir(parents=True, exist_ok=True)
    (top / name).write_text("2\n")
    assert (freshness.code_fingerprint(top) != before) is counts


def renamed(plan: Plan) -> Plan:
    """The same as it would stand: AWS has made up other ids."""
    text = json.dumps([[r.address, r.type, r.values] for r in plan.resources])
    for made_up in ("subnet-1", "vpc-1", "sg-own", "rtb-1", "pl-s3", "vpce-2", "data-key", "model-key"):
        text = text.replace(made_up, f"{made_up}0f0f")
    standing = copy.copy(plan)
    standing.resources = [type(plan.resources[0])(*row) for row in json.loads(text)]
    return standing


def test_documents_are_the_same_planned_and_standing() -> None:
    assert documents([environment(), account()]) == documents([renamed(environment()), account()])


def test_another_statement_makes_other_documents() -> None:
    other = environment()
    role = next(r for r in other.of("aws_iam_role_policy"))
    role.values["policy"] = role.values["policy"].replace("s3:GetObject", "s3:PutObject")
    assert documents([environment(), account()]) != documents([other, account()])


def run(folder: Path, **facts: object) -> Path:
    write_json(folder / "run.json", {"result": "passed", **facts})
    write_json(folder / freshness.RECORD, {"code": "abc", "documents": "d"})
    return folder


def test_why_a_rehearsal_does_not_count(tmp_path: Path) -> None:
    assert "none" in freshness.why_not(tmp_path, "abc")
    assert freshness.why_not(run(tmp_path), "abc") == ""
    assert "other code" in freshness.why_not(tmp_path, "abd")
    assert "failed" in freshness.why_not(run(tmp_path, result="failed"), "abc")
    run(tmp_path)
    write_json(tmp_path / freshness.RECORD, {"code": "", "documents": "d"})
    assert "changed while it ran" in freshness.why_not(tmp_path, "abc")
    (tmp_path / freshness.RECORD).unlink()
    assert "proved nothing" in freshness.why_not(tmp_path, "abc")


def test_a_run_that_left_its_environment_up_has_not_shown_all(tmp_path: Path) -> None:
    assert "KEEP=1" in freshness.why_not(run(tmp_path, keep=True), "abc")


def test_code_that_changed_while_it_ran_is_not_vouched_for(tmp_path: Path) -> None:
    plans = [environment(), account()]
    freshness.record(tmp_path, plans, (datetime.now(UTC) + timedelta(hours=1)).isoformat())
    assert json.loads((tmp_path / freshness.RECORD).read_text())["code"] == freshness.code_fingerprint()
    assert freshness.same_documents(tmp_path, plans)
    freshness.record(tmp_path, plans, "2020-01-01T00:00:00+00:00")
    assert json.loads((tmp_path / freshness.RECORD).read_text())["code"] == ""


@pytest.fixture
def rehearsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Rehearsals that were asked for; none is carried out."""
    asked: list[str] = []
    monkeypatch.setattr(command.sides, "rehearsed_plans", lambda _workload="": [environment(), account()])
    monkeypatch.setattr(command, "of_plans", Verdict)
    monkeypatch.setattr(command, "of_linters", lambda _: Verdict())
    monkeypatch.setattr(command, "of_forbidden", lambda _: Verdict())
    monkeypatch.setattr(command.freshness, "code_fingerprint", lambda: "abc")
    monkeypatch.setattr(
        command, "ensure_rehearsal", lambda _folder, _workload, reason: asked.append(reason) if reason else None
    )
    return asked


def test_a_grant_too_many_is_told_without_a_rehearsal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rehearsed: list[str]
) -> None:
    monkeypatch.setattr(command, "of_roles", lambda *_: Verdict([], ["a grant too many"]))
    assert command.prove(run(tmp_path)).failures == ["a grant too many"]
    assert rehearsed == []


def test_documents_that_never_decided_are_rehearsed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rehearsed: list[str]
) -> None:
    monkeypatch.setattr(command, "of_roles", lambda *_: Verdict())
    assert command.prove(run(tmp_path)).failures == []
    assert rehearsed == ["other policies decided in it than those that lie here"]


def test_a_rehearsal_that_is_up_is_never_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(command, "server_of", lambda _: object())
    with pytest.raises(RehearsalError, match="make stop"):
        command.ensure_rehearsal(tmp_path, "vehicles", "it ran other code")
