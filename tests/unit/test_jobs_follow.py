"""Jobs followed to their end: the log as it comes, metrics as SageMaker reads them, tables, bad ends."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit import jobs_support as support
from training.errors import JobError
from training.jobs import cost, follow, logs, search, show, status
from training.jobs.client import Clients
from training.workloads.description import Metric

NAME = f"{support.NAME}-20260102-030405"
BEGUN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
METRICS = (Metric("test:accuracy", "test:accuracy=([0-9.]+);"), Metric("train:loss", "train:loss=([0-9.]+);"))
PRICE = cost.Price(0.257, 0.0, "a bill")


class Logs:
    """CloudWatch Logs with streams that grow: each call of `grow` lets the next lines be seen."""

    class exceptions:  # noqa: N801  (as boto3 has it)
        class ResourceNotFoundException(Exception):  # noqa: N818
            pass

    def __init__(self, streams: dict[str, list[str]]) -> None:
        self.streams, self.shown = streams, 0

    def describe_log_streams(self, **asked: Any) -> dict[str, Any]:
        if self.shown == 0:
            raise self.exceptions.ResourceNotFoundException
        names = [name for name in self.streams if name.startswith(asked["logStreamNamePrefix"])]
        if "nextToken" not in asked and len(names) > 1:
            return {"logStreams": [{"logStreamName": names[0]}], "nextToken": "more"}
        return {"logStreams": [{"logStreamName": name} for name in (names[1:] if len(names) > 1 else names)]}

    def get_log_events(self, **asked: Any) -> dict[str, Any]:
        begin = int(asked.get("nextToken", "f/0").removeprefix("f/"))
        lines = self.streams[asked["logStreamName"]][begin : min(begin + 2, self.shown)]
        return {"events": [{"message": line} for line in lines], "nextForwardToken": f"f/{begin + len(lines)}"}


def screen() -> tuple[show.Screen, io.StringIO]:
    stream = io.StringIO()
    return show.Screen(stream), stream


def described(state: str, **more: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": NAME,
        "TrainingJobStatus": state,
        "CreationTime": BEGUN,
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        **more,
    }


def test_each_line_is_read_once_however_it_comes():
    client = Logs({f"{NAME}/algo-1-170": ["a", "b", "c", "d", "e"]})
    follower = logs.Follower(client, NAME)
    assert list(follower.lines()) == [], "the group comes with the first job of an account"
    seen = []
    for client.shown in (1, 3, 3, 5):
        seen.append([text for _, text in follower.lines()])
    assert seen == [["a"], ["b", "c"], [], ["d", "e"]]


def test_lines_of_several_instances_say_whose_they_are():
    client = Logs({f"{NAME}/algo-1-170": ["a"], f"{NAME}/algo-2-170": ["b"]})
    client.shown = 9
    assert list(logs.Follower(client, NAME).lines()) == [("algo-1", "a"), ("algo-2", "b")]


def test_metrics_are_those_that_the_regular_expressions_find():
    metrics = logs.Metrics(METRICS)
    assert metrics.read("epoch=1; train:loss=0.5; test:accuracy=0.25;") == {"train:loss": 0.5, "test:accuracy": 0.25}
    assert metrics.read("train:loss=nan;") == {}
    assert metrics.read("train:loss=...;") == {}, "what matches and is no number"
    metrics.read("train:loss=0.25;")
    assert metrics.values == {"train:loss": [0.5, 0.25], "test:accuracy": [0.25]}


def followed(states: list[dict[str, Any]], lines: list[str]) -> str:
    left = list(states)
    client = Logs({f"{NAME}/algo-1-170": lines})

    def describe(TrainingJobName: str) -> dict[str, Any]:  # noqa: N803  (boto3's word)
        client.shown += 1
        return left.pop(0)

    where, stream = screen()
    clients = Clients(client, None, SimpleNamespace(describe_training_job=describe))
    follow.training_job(clients, NAME, METRICS, where, PRICE, poll_s=0)
    return stream.getvalue()


def test_a_job_is_followed_to_its_table():
    ended = described(
        "Completed",
        BillableTimeInSeconds=90,
        TrainingTimeInSeconds=100,
        FinalMetricDataList=[{"MetricName": "test:accuracy", "Value": 0.75}],
        ModelArtifacts={"S3ModelArtifacts": "s3://models/model.tar.gz"},
    )
    running = described("InProgress", SecondaryStatus="Training")
    said = followed([running, running, ended], ["train:loss=0.5;", "train:loss=0.25;", "test:accuracy=0.75;"])
    assert [line for line in said.splitlines() if line.startswith(("Training", "train:loss="))] == [
        *("train:loss=0.5;", "Training, 0 s, train:loss 0.5", "train:loss=0.25;"),
    ]
    assert "test:accuracy   0.75    0.75     0.75       1" in said
    assert "train:loss         -    0.25      0.5       2" in said
    assert f"cost     {cost.usd(90 / 3600 * 0.257)} (a bill)" in said
    assert "model    s3://models/model.tar.gz" in said


def test_a_failed_job_says_why():
    failed = described("Failed", FailureReason="AlgorithmError: no images")
    with pytest.raises(follow.JobFailedError, match="failed: AlgorithmError: no images"):
        followed([failed], ["Traceback"])


def test_a_log_cannot_command_the_terminal():
    assert show.clean("a\x1b[2Jb\x07\tc") == "ab c"


def test_progress_without_a_terminal_is_a_line_per_stage():
    where, stream = screen()
    for text in ("Training, 1 s", "Training, 2 s", "Uploading, 3 s"):
        where.progress(text)
    assert stream.getvalue().splitlines() == ["Training, 1 s", "Uploading, 3 s"]


def test_progress_on_a_terminal_is_rewritten_and_cut_to_its_width(monkeypatch: pytest.MonkeyPatch):
    for name in ("CI", "TERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "20")
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]
    where = show.Screen(stream)
    where.progress("Training, " + "x" * 40)
    where.print("a line that stays")
    assert stream.getvalue() == "Training, xxxxxxxxx\r\x1b[Ka line that stays\n"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (59.9, "59 s"), (61, "1 min 01 s"), (3660, "1 h 01 min")])
def test_lengths_are_told_as_people_do(seconds: float, text: str):
    assert show.length(seconds) == text


# --- searches ---------------------------------------------------------------------------------------------------------


def trial(number: int, state: str, value: float | None = None, **tuned: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "TrainingJobName": f"vehicles-dev-abc-{number:03d}-0123abcd",
        "TrainingJobStatus": state,
        "TunedHyperParameters": tuned,
        "TrainingStartTime": BEGUN,
        "TrainingEndTime": BEGUN + timedelta(seconds=60 + number),
    }
    if value is not None:
        made["FinalHyperParameterTuningJobObjectiveMetric"] = {"MetricName": "loss", "Value": value}
    return made


def searched(state: str, goal: str = "Minimize", **more: Any) -> dict[str, Any]:
    return {
        "HyperParameterTuningJobName": "vehicles-dev-abc",
        "HyperParameterTuningJobStatus": state,
        "CreationTime": BEGUN,
        "HyperParameterTuningEndTime": BEGUN + timedelta(minutes=5),
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": goal, "MetricName": "loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 2},
        },
        **more,
    }


TRIALS = [
    trial(1, "Completed", 0.5, rate="0.00123456", kind='"adamw"'),
    trial(2, "Failed", rate="0.1", kind='"sgd"') | {"FailureReason": "AlgorithmError: diverged"},
    trial(3, "Completed", 0.25, rate="0.01", kind='"sgd"'),
]


def search_of(ends: list[dict[str, Any]], found: list[list[dict[str, Any]]]) -> str:
    def listed(**asked: Any) -> dict[str, Any]:
        page = found[0] if asked.get("NextToken") or len(found[0]) < 3 else found[0][:2]
        if asked.get("NextToken"):
            return {"TrainingJobSummaries": found.pop(0)[2:]}
        if len(found[0]) < 3:
            return {"TrainingJobSummaries": found.pop(0)}
        return {"TrainingJobSummaries": page, "NextToken": "more"}

    where, stream = screen()
    sagemaker = SimpleNamespace(
        describe_hyper_parameter_tuning_job=lambda **_: ends.pop(0),
        list_training_jobs_for_hyper_parameter_tuning_job=listed,
        describe_training_job=lambda **_: described("Completed", BillableTimeInSeconds=3600),
    )
    search.tuning_job(Clients(None, None, sagemaker), "vehicles-dev-abc", where, PRICE, poll_s=0)
    return stream.getvalue()


def test_a_search_is_followed_trial_by_trial_to_its_table():
    ended = searched("Completed", BestTrainingJob=TRIALS[2])
    said = search_of([searched("InProgress"), ended], [TRIALS[:1], TRIALS])
    lines = said.splitlines()
    assert lines[0] == "trial 001-0123abcd  Completed  0.5  kind=adamw, rate=0.001235"
    assert lines[1] == "1 of 3 trials ended, 0 running, best 0.5, 0 s"
    assert lines[2].startswith("trial 002-0123abcd  Failed  AlgorithmError: diverged")
    table = [line.split() for line in lines if line.startswith("00")]
    assert [row[0] for row in table] == ["003-0123abcd", "001-0123abcd", "002-0123abcd"], "the best first"
    assert "cost     $0.77 (a bill)" in said
    assert lines[-1] == "best     vehicles-dev-abc-003-0123abcd: kind=sgd, rate=0.01"


def test_the_best_values_are_whole():
    found = search.best_values(searched("Completed", BestTrainingJob=TRIALS[0]))
    assert found == {"rate": "0.00123456", "kind": "adamw"}


def test_the_goal_decides_what_is_best():
    best = [one["TrainingJobName"][-12:-9] for one in search.ranked(searched("Completed", "Maximize"), TRIALS)]
    assert best == ["001", "003", "002"]


def test_a_search_without_a_result_has_failed():
    with pytest.raises(follow.JobFailedError, match="without a trial that had a result"):
        search_of([searched("Completed")], [[TRIALS[1]]])
    with pytest.raises(follow.JobFailedError, match="failed: no capacity"):
        search_of([searched("Failed", FailureReason="no capacity")], [[]])


# --- status and stop --------------------------------------------------------------------------------------------------


class Sagemaker:
    """One training job and one tuning job of the workload, and a stranger's of a similar name."""

    def __init__(self) -> None:
        self.stopped: list[str] = []

    def list_training_jobs(self, **asked: Any) -> dict[str, Any]:
        names = [f"other-{asked['NameContains']}1", NAME]
        return {"TrainingJobSummaries": [{"TrainingJobName": name} for name in names]}

    def list_hyper_parameter_tuning_jobs(self, **asked: Any) -> dict[str, Any]:
        name = f"{asked['NameContains']}abc"
        return {"HyperParameterTuningJobSummaries": [{"HyperParameterTuningJobName": name}]}

    def describe_training_job(self, TrainingJobName: str) -> dict[str, Any]:  # noqa: N803
        assert TrainingJobName == NAME, "a stranger's job is not looked at"
        return described("InProgress", SecondaryStatus="Training", TrainingTimeInSeconds=61)

    def describe_hyper_parameter_tuning_job(self, **_: Any) -> dict[str, Any]:
        return searched("Completed", TrainingJobStatusCounters={"Completed": 3}, BestTrainingJob=TRIALS[2])

    def stop_training_job(self, TrainingJobName: str) -> None:  # noqa: N803
        if TrainingJobName.endswith("-over"):
            error = {"Code": "ValidationException", "Message": "it has ended"}
            raise ClientError({"Error": error}, "StopTrainingJob")  # type: ignore[typeddict-item]
        self.stopped.append(TrainingJobName)

    def stop_hyper_parameter_tuning_job(self, HyperParameterTuningJobName: str) -> None:  # noqa: N803
        self.stopped.append(HyperParameterTuningJobName)


def test_status_lists_jobs_and_searches_of_the_workload():
    where, stream = screen()
    count = status.recent(Clients(None, None, Sagemaker()), support.place(), ["test:accuracy", "loss"], where, 10)
    lines = stream.getvalue().splitlines()
    assert count == 2
    assert lines[0].split() == ["job", "begun", "(UTC)", "status", "time", "test:accuracy", "loss", "cost"]
    assert any(line.startswith(NAME) and "2026-01-02 03:04:05  InProgress (Training)" in line for line in lines)
    assert any("Completed (3 of 3 trials)" in line and "0.25" in line for line in lines)


def test_status_of_nothing_says_what_to_do():
    empty = SimpleNamespace(
        list_training_jobs=lambda **_: {"TrainingJobSummaries": []},
        list_hyper_parameter_tuning_jobs=lambda **_: {"HyperParameterTuningJobSummaries": []},
    )
    where, stream = screen()
    assert status.recent(Clients(None, None, empty), support.place(), [], where, 10) == 0
    assert "make train ENV=dev" in stream.getvalue()


@pytest.mark.parametrize("name", [NAME, "vehicles-dev-abc", "vehicles-dev-abc-003-0123abcd"])
def test_a_job_a_search_and_a_trial_can_be_stopped(name: str):
    sagemaker = Sagemaker()
    status.stop(Clients(None, None, sagemaker), support.place(), name, screen()[0])
    assert sagemaker.stopped == [name]


def test_what_cannot_be_stopped_is_told():
    sagemaker = Sagemaker()
    for name, says in (("slipway-dev-claims-1", "is no job of vehicles in dev"), (f"{NAME}-over", "it has ended")):
        with pytest.raises(JobError, match=says):
            status.stop(Clients(None, None, sagemaker), support.place(), name, screen()[0])
    assert sagemaker.stopped == []
