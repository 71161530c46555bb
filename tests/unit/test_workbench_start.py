"""`make workbench`: a training job's request, left where the instance looks, and the instance switched on."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from training.errors import JobError
from training.jobs import environment
from training.jobs.envelope import holes
from training.jobs.kubernetes import place
from training.jobs.workbench import start
from training.jobs.workbench.__main__ import main
from training.workloads import spec

BENCH = start.Workbench("slipway-dev-vehicles-workbench", "s3://models/vehicles/code/workbench", "/slipway/workbench/w")
OUTPUTS = {
    "workbench_groups": {"vehicles": BENCH.group},
    "workbench_job_uris": {"vehicles": BENCH.job_uri},
    "workbench_log_groups": {"vehicles": BENCH.log_group},
}


class Aws:
    """A group, a bucket and a log that remember."""

    class exceptions:  # noqa: N801  (boto3's name)
        class NoSuchKey(Exception):  # noqa: N818
            """There is no such object."""

        class ResourceNotFoundException(Exception):  # noqa: N818
            """There is no such group."""

    def __init__(self, capacity: int = 0) -> None:
        self.capacity, self.objects, self.lines = capacity, dict[str, bytes](), ["epoch=0;", "epoch=1;"]

    def describe_auto_scaling_groups(self, **_: Any) -> dict[str, Any]:
        return {"AutoScalingGroups": [] if self.capacity < 0 else [{"DesiredCapacity": self.capacity}]}

    def set_desired_capacity(self, **asked: Any) -> None:
        self.capacity = asked["DesiredCapacity"]

    def put_object(self, **asked: Any) -> None:
        self.objects[asked["Key"]] = asked["Body"]

    def get_object(self, **asked: Any) -> dict[str, Any]:
        if asked["Key"] not in self.objects:
            raise self.exceptions.NoSuchKey
        return {"Body": io.BytesIO(self.objects[asked["Key"]])}

    def describe_log_streams(self, **asked: Any) -> dict[str, Any]:
        return {"logStreams": [{"logStreamName": f"{asked['logStreamNamePrefix']}algo-1-1"}]}

    def get_log_events(self, **_: Any) -> dict[str, Any]:
        said, self.lines = self.lines, []
        return {"events": [{"message": line} for line in said], "nextForwardToken": "end"}


def clients(aws: Aws) -> dict[str, Any]:
    return dict.fromkeys(("s3", "logs", "autoscaling"), aws)


def asked(**hyperparameters: object) -> dict[str, Any]:
    where = place.sketched("vehicles").environment
    code = f"{where.code_uri}/0/sourcedir.tar.gz"
    job = f"{where.job_name_prefix}1"
    return start.request(spec.load("vehicles"), where, job, code=code, hyperparameters=hyperparameters)


def test_the_request_is_a_training_jobs_with_checkpoints_on_one_machine() -> None:
    request = asked(epochs=3)
    assert holes("CreateTrainingJob", request) == []
    assert request["HyperParameters"]["epochs"] == "3"
    assert request["ResourceConfig"]["InstanceCount"] == 1
    assert request["CheckpointConfig"]["S3Uri"].endswith("/vehicles/checkpoints/slipway-rehearsal-vehicles-1")


def test_the_job_lies_there_before_the_instance_starts() -> None:
    aws = Aws()
    start.switch_on(clients(aws), BENCH, asked())
    assert aws.capacity == 1
    described = json.loads(aws.objects["vehicles/code/workbench/job.json"])
    assert described == {"request": asked(), "runner": "container"}
    assert aws.objects["vehicles/code/workbench/agent.pyz"][:2] == b"PK"


def test_a_job_that_runs_is_not_robbed_of_its_machine() -> None:
    aws = Aws(capacity=1)
    with pytest.raises(JobError, match="is on: wait for its job"):
        start.switch_on(clients(aws), BENCH, asked())
    assert aws.objects == {}


def test_a_group_that_is_gone_is_named() -> None:
    with pytest.raises(JobError, match="there is no such group"):
        start.switch_on(clients(Aws(capacity=-1)), BENCH, asked())


def test_a_job_is_followed_to_its_end() -> None:
    aws, told = Aws(capacity=1), list[str]()
    key = asked()["OutputDataConfig"]["S3OutputPath"].split("/", 3)[3]
    aws.objects[f"{key}/slipway-rehearsal-vehicles-1/workbench.json"] = b'{"status": "Failed"}'
    assert start.follow(clients(aws), BENCH, asked(), told.append, poll_s=0) == "Failed"
    assert told == ["epoch=0;", "epoch=1;"]


def test_following_ends_when_the_workbench_is_switched_off() -> None:
    assert start.follow(clients(Aws(capacity=0)), BENCH, asked(), print, poll_s=0) == "off"


def test_an_environment_without_one_says_how_to_get_one() -> None:
    assert start.find("vehicles", OUTPUTS) == BENCH
    with pytest.raises(JobError, match=r"no workbench for it \(workbench_groups, .*settings.yaml"):
        start.find("dogs", OUTPUTS)


def outputs_file(folder: Path, **more: Any) -> str:
    made = place.sketched("vehicles").environment
    facts = {name: getattr(made, name) for name in made.__dataclass_fields__}
    (folder / "outputs.json").write_text(json.dumps({environment.OUTPUT: {"vehicles": facts}, **more}))
    return str(folder / "outputs.json")


def test_the_request_can_be_looked_at_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = ["--workload", "vehicles", "--env", "rehearsal", "--outputs", outputs_file(tmp_path, **OUTPUTS)]
    assert main([*known, "--show", "--set", "epochs=2"]) == 0
    assert json.loads(capsys.readouterr().out)["HyperParameters"]["epochs"] == "2"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--show", "--set", "epochs"], "--set = 'epochs': write NAME=VALUE"),
        (["--show", "--set", "epoch=2"], "Did you mean epochs?"),
        (["--env", "moon"], "ENV = 'moon'"),
    ],
)
def test_mistakes_are_told(more: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = ["--workload", "vehicles", "--env", "rehearsal", "--outputs", outputs_file(tmp_path, **OUTPUTS)]
    assert main([*known, *more]) == 2
    assert says in capsys.readouterr().err
