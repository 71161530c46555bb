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
from rehearsal.stages import apply, classify, destroy, register

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


# --- apply ----------------------------------------------------------------------------------------


def environment(*changes: str) -> Any:
    return SimpleNamespace(plan_is_empty=lambda: not changes, planned_changes=lambda: list(changes))


def test_a_second_plan_that_changes_something_names_it() -> None:
    apply.demand_empty_plan(environment())
    with pytest.raises(RehearsalError, match=r"not empty:\s+aws_sqs_queue\.x: update"):
        apply.demand_empty_plan(environment("aws_sqs_queue.x: update"))


# --- register -------------------------------------------------------------------------------------


PACKAGE = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/g/1"
TRAINED = {"output": {"model_package_arn": PACKAGE}, "job_name": "g-1"}
WHOLE = {
    "TrainingJobName": "g-1",
    "VpcConfig": {"Subnets": ["subnet-1"]},
    "EnableNetworkIsolation": True,
    "EnableInterContainerTrafficEncryption": True,
}


def registry(package: dict[str, Any], job: dict[str, Any] = WHOLE, listed: str = PACKAGE) -> Any:
    return SimpleNamespace(
        list_model_packages=lambda **_: {"ModelPackageSummaryList": [{"ModelPackageArn": listed}]},
        describe_model_package=lambda **_: package,
        describe_training_job=lambda **_: job,
    )


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("VpcConfig", "was not in the VPC"),
        ("EnableNetworkIsolation", "was not isolated"),
        ("EnableInterContainerTrafficEncryption", "was not encrypted between its instances"),
    ],
)
def test_a_model_from_outside_the_envelope_is_not_approved(tmp_path: Path, setting: str, says: str) -> None:
    job = {name: value for name, value in WHOLE.items() if name != setting}
    run = run_with(tmp_path, {"sagemaker": registry({}, job)}, train=TRAINED)
    with pytest.raises(RehearsalError, match=says):
        register.perform(run, lambda _: None)


def test_a_model_that_the_approver_does_not_find_is_not_approved(tmp_path: Path) -> None:
    run = run_with(tmp_path, {"sagemaker": registry({}, listed="arn:other")}, train=TRAINED)
    with pytest.raises(RehearsalError, match="not among the models"):
        register.perform(run, lambda _: None)


def test_a_model_that_did_not_wait_for_approval_is_refused(tmp_path: Path) -> None:
    package = {"ModelApprovalStatus": "Approved"}
    run = run_with(tmp_path, {"sagemaker": registry(package)}, train=TRAINED)
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


def found_by_operator(run: str, events: list[str]) -> dict[str, Any]:
    return {
        "stepfunctions": SimpleNamespace(list_executions=lambda **_: {"executions": [{"executionArn": run}]}),
        "logs": SimpleNamespace(filter_log_events=lambda **_: {"events": events}),
    }


@pytest.mark.parametrize(
    ("clients", "says"),
    [
        (found_by_operator("arn:2", ["line"]), "does not find listed: \\['arn:1'\\]"),
        (found_by_operator("arn:1", []), "the log of serialize says nothing"),
    ],
)
def test_a_run_that_leaves_no_trace_for_the_operator_is_refused(
    tmp_path: Path, clients: dict[str, Any], says: str
) -> None:
    outputs = {"function_names": {"vehicles": {"serialize_image": "serialize"}}}
    run = run_with(tmp_path, clients, promote={"outputs": outputs})
    with pytest.raises(RehearsalError, match=says):
        classify.demand_traces(run, "arn:machine", [{"arn": "arn:1"}], 0)


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
