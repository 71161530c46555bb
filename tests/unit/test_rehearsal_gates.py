"""What makes a stage fail: a rehearsal that passes never shows that its gates can close."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rehearsal import actors
from rehearsal.run import Options, RehearsalError, Run
from rehearsal.stages import apply, classify, destroy, promote, register

NAME, URL = "slipway-rehearsal-vehicles", "s3://models/7/model.tar.gz"


CLIENTS: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def _clients(monkeypatch: pytest.MonkeyPatch) -> None:
    CLIENTS.clear()
    monkeypatch.setattr(actors.Actor, "client", lambda _self, service: CLIENTS[service])


def run_with(folder: Path, clients: dict[str, Any], **stages: dict[str, Any]) -> Run:
    """A run in which every actor has these clients, and whose stages left this data."""
    CLIENTS.update(clients)
    run = Run(folder, Options())
    env = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    run.aws = SimpleNamespace(endpoint="", env=lambda: env)  # type: ignore[assignment]
    run.sessions = {name: actors.Credentials("k", "s") for name in (*actors.PEOPLE, *actors.SUBJECTS)}
    for number, (name, data) in enumerate(stages.items(), 1):
        run.record_stage(number, {"name": name, "status": "passed", "data": data})
    return run


def picture(key: str) -> classify.Picture:
    return classify.Picture(Path(key), key, "bicycle")


# --- apply and promote ----------------------------------------------------------------------------


def environment(*changes: str) -> Any:
    return SimpleNamespace(plan_is_empty=lambda: not changes, planned_changes=lambda: list(changes))


def test_a_second_plan_that_changes_something_names_it() -> None:
    apply.demand_empty_plan(environment())
    with pytest.raises(RehearsalError, match=r"not empty:\s+aws_sqs_queue\.x: update"):
        apply.demand_empty_plan(environment("aws_sqs_queue.x: update"))


def sagemaker(status: str = "InService", serves: str = URL) -> Any:
    endpoint = {"EndpointStatus": status, "EndpointConfigName": "c", "FailureReason": "alarm p99"}
    return SimpleNamespace(
        describe_endpoint=lambda **_: endpoint,
        describe_endpoint_config=lambda **_: {"ProductionVariants": [{"ModelName": "m"}]},
        describe_model=lambda **_: {"PrimaryContainer": {"ModelDataUrl": serves}},
    )


def pipeline(folder: Path, found: Any) -> actors.Actor:
    return actors.actor(run_with(folder, {"sagemaker": found}), "deploy")


def test_an_endpoint_that_serves_the_approved_model_is_live(tmp_path: Path) -> None:
    live = promote.demand_live(pipeline(tmp_path, sagemaker()), NAME, URL)
    assert live["EndpointStatus"] == "InService"


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (sagemaker(status="Failed"), "is Failed: alarm p99"),
        (sagemaker(serves="s3://models/6/model.tar.gz"), r"serves s3://models/6/.+ it was rolled back"),
    ],
)
def test_an_endpoint_that_failed_or_was_rolled_back_is_not_live(tmp_path: Path, found: Any, says: str) -> None:
    with pytest.raises(RehearsalError, match=says):
        promote.demand_live(pipeline(tmp_path, found), NAME, URL)


# --- register -------------------------------------------------------------------------------------


def test_a_model_that_did_not_wait_for_approval_is_refused(tmp_path: Path) -> None:
    package = {"ModelApprovalStatus": "Approved"}
    registry = SimpleNamespace(describe_model_package=lambda **_: package)
    run = run_with(tmp_path, {"sagemaker": registry}, train={"output": {"model_package_arn": "arn"}})
    with pytest.raises(RehearsalError, match="must wait for a person's approval"):
        register.perform(run, lambda _: None)


# --- classify -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listed", "says"),
    [
        (["a"], r"lost \['b'\], extra \[\]"),
        (["a", "b", "b"], r"lost \[\], extra \['b'\]"),
        (["a", "c"], r"lost \['b'\], extra \['c'\]"),
    ],
)
def test_a_manifest_that_lost_or_doubled_an_input_is_refused(listed: list[str], says: str) -> None:
    batch = [picture("a"), picture("b")]
    classify.demand_every_input_once(batch, [{"key": "b"}, {"key": "a"}])
    with pytest.raises(RehearsalError, match=says):
        classify.demand_every_input_once(batch, [{"key": key} for key in listed])


SEEN = {"classified": 5, "for_review": 1, "failed": 1}


@pytest.mark.parametrize(
    ("counts", "told", "says"),
    [
        ({**SEEN, "classified": 0}, ["x poisoned.png"], "no image ended as 'classified'"),
        ({**SEEN, "for_review": 0}, ["x poisoned.png"], "no image ended as 'for_review'"),
        ({**SEEN, "failed": 0}, ["x poisoned.png"], "no image ended as 'failed'"),
        (SEEN, [], r"no SNS message names poisoned\.png"),
        (SEEN, ["something else"], r"no SNS message names poisoned\.png"),
    ],
)
def test_an_outcome_that_was_not_seen_or_not_told_is_refused(
    counts: dict[str, int], told: list[str], says: str
) -> None:
    classify.demand_branches(Counter(SEEN), ["other", "about poisoned.png"], "poisoned.png")
    with pytest.raises(RehearsalError, match=says):
        classify.demand_branches(Counter(counts), told, "poisoned.png")


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_an_execution_that_did_not_succeed_fails_with_its_cause(tmp_path: Path, status: str) -> None:
    answer = {"status": status, "error": "EmptyInput", "cause": "holds no image"}
    states = SimpleNamespace(describe_execution=lambda **_: answer)
    with pytest.raises(RehearsalError, match=f"{status}: EmptyInput: holds no image"):
        classify.finish(run_with(tmp_path, {"stepfunctions": states}), "arn:x:run-1", lambda _: None)


# --- destroy --------------------------------------------------------------------------------------


@pytest.fixture
def destroyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], Any]:
    """Perform the stage on an account in which Terraform has left these things."""

    def perform(left: list[str]) -> Any:
        gone = SimpleNamespace(destroy=lambda _note: SimpleNamespace(destroyed=9))
        monkeypatch.setattr(destroy, "keep_state", lambda *_: None)
        monkeypatch.setattr(destroy, "Environment", lambda _run: gone)
        monkeypatch.setattr(destroy, "Bootstrap", lambda _run: gone)
        monkeypatch.setattr(destroy, "sign_off", lambda _run: None)
        monkeypatch.setattr(destroy, "inventory", lambda _aws: left)
        run = run_with(tmp_path, {"sagemaker": None}, apply={"outputs": {"model_package_groups": {}}})
        return destroy.perform(run, lambda _: None)

    return perform


def test_what_a_destroy_left_behind_fails_the_stage(destroyed: Callable[[list[str]], Any]) -> None:
    with pytest.raises(RehearsalError, match=r"left behind:\n  bucket: data$"):
        destroyed(["bucket: data", "log group: /aws/sagemaker/TrainingJobs"])


def test_log_groups_that_no_environment_owns_may_stay(destroyed: Callable[[list[str]], Any]) -> None:
    _, data = destroyed(["log group: /aws/sagemaker/TrainingJobs"])
    assert data["left"] == []
    assert data["made_by_services"] == ["log group: /aws/sagemaker/TrainingJobs"]
