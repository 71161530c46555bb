"""Parts of the SageMaker that need no server: shares of traffic, images, archives, records that can be saved."""

from __future__ import annotations

import io
import pickle
import tarfile
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from rehearsal.aws.sagemaker import archives, container, images, listing
from rehearsal.aws.sagemaker.backend import SageMakerBackend
from rehearsal.aws.sagemaker.errors import AWSValidationException, FailedError
from rehearsal.aws.sagemaker.serving import capture, guardrails
from rehearsal.aws.sagemaker.serving.endpoint import Deployment, Endpoint
from rehearsal.aws.sagemaker.serving.spec import VariantSpec
from rehearsal.aws.sagemaker.serving.traffic import thinned
from rehearsal.aws.sagemaker.training.job import TrainingJob

if TYPE_CHECKING:
    from pathlib import Path

PERCENT_10 = {"Type": "CAPACITY_PERCENT", "Value": 10}


@pytest.mark.parametrize(
    ("policy", "shares", "wait"),
    [
        ({"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 60}, [(1.0, 60)], 0),
        ({"Type": "CANARY", "WaitIntervalInSeconds": 60, "CanarySize": PERCENT_10}, [(0.1, 60), (1.0, 60)], 0),
        (
            {
                "Type": "CANARY",
                "WaitIntervalInSeconds": 60,
                "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1},
            },
            [(0.25, 60), (1.0, 60)],
            0,
        ),
        (
            {
                "Type": "LINEAR",
                "WaitIntervalInSeconds": 30,
                "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 40},
            },
            [(0.4, 30), (0.8, 30), (1.0, 30)],
            300,
        ),
    ],
)
def test_a_deployment_is_a_list_of_steps(policy: dict[str, Any], shares: list[tuple[float, int]], wait: int) -> None:
    config = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": policy, "TerminationWaitInSeconds": wait}}
    plan = guardrails.plan(config, instances=4)
    assert [(step.share, step.bake) for step in plan.steps] == [(pytest.approx(s), b) for s, b in shares]
    assert plan.termination_wait == wait


def test_a_rolling_update_goes_by_batches() -> None:
    policy = {"MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50}, "WaitIntervalInSeconds": 9}
    assert [s.share for s in guardrails.plan({"RollingUpdatePolicy": policy}, 4).steps] == [0.5, 1.0]


def test_without_a_configuration_all_moves_at_once() -> None:
    assert guardrails.plan(None, 1) == guardrails.Plan((guardrails.Step(1.0, 0.0),), 0, None, ())


def routing(kind: str, **sizes: int) -> dict[str, Any]:
    percents = {member: {"Type": "CAPACITY_PERCENT", "Value": value} for member, value in sizes.items()}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": kind, **percents}}}


@pytest.mark.parametrize(
    "config",
    [None, routing("ALL_AT_ONCE"), routing("CANARY", CanarySize=50), routing("LINEAR", LinearStepSize=50)],
)
def test_a_deployment_whose_members_agree_is_accepted(config: dict[str, Any] | None) -> None:
    guardrails.check(config)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (routing("CANARY", CanarySize=51), "CanarySize must be at most 50 percent of the fleet, got 51"),
        (routing("LINEAR", LinearStepSize=51), "LinearStepSize must be at most 50 percent"),
        (routing("CANARY"), "CanarySize must be given exactly when"),
        (routing("ALL_AT_ONCE", CanarySize=10), "CanarySize must be given exactly when"),
        (routing("CANARY", CanarySize=10, LinearStepSize=10), "LinearStepSize must be given exactly when"),
    ],
)
def test_a_deployment_whose_members_contradict_each_other_is_refused(config: dict[str, Any], says: str) -> None:
    with pytest.raises(AWSValidationException, match=says):
        guardrails.check(config)


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("1.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training:1.2", "slipway-dev-vehicles/training"),
        ("1.dkr.ecr.eu-west-1.amazonaws.com/a/serving@sha256:00", "a/serving"),
        ("localhost:5000/training", "training"),
        ("training:latest", "training"),
        ("a/b/serving", "a/b/serving"),
    ],
)
def test_an_image_is_known_by_its_repository(uri: str, name: str) -> None:
    assert images.repository(uri) == name
    role = "training" if name.endswith("training") else "serving"
    assert images.resolve(uri, role).role == role


def test_a_serving_image_cannot_train() -> None:
    with pytest.raises(FailedError, match="that is one of: training"):
        images.resolve("a/serving:1", "training")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_an_archive_cannot_link_out_of_its_folder(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        member = tarfile.TarInfo("link")
        member.type, member.linkname = kind, "../../outside"
        tar.addfile(member)
    with pytest.raises(archives.ArchiveError, match="outside"):
        archives.extract(tmp_path / "a.tar.gz", tmp_path / "into")


def test_an_archive_damaged_inside_is_corrupt(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo("a")
        member.size = 4000
        tar.addfile(member, io.BytesIO(bytes(n * 7 % 251 for n in range(4000))))
    damaged = bytearray(buffer.getvalue())
    damaged[60:90] = b"\xff" * 30
    (tmp_path / "a.tar.gz").write_bytes(damaged)
    with pytest.raises(archives.ArchiveError):
        archives.extract(tmp_path / "a.tar.gz", tmp_path / "into")


def test_paths_of_the_container_are_moved(tmp_path: Path) -> None:
    assert container.relocate("/opt/ml/model", tmp_path) == f"{tmp_path}/model"
    assert container.relocate("/opt/ml", tmp_path) == str(tmp_path)
    assert container.relocate("/opt/mlx", tmp_path) == "/opt/mlx"


def test_thinned_values_keep_their_spread() -> None:
    values = [float(n) for n in range(1000)]
    kept = thinned(values)
    assert (len(kept), kept[0], kept[-1]) == (100, 0.0, 999.0)
    assert kept[98] == pytest.approx(989, abs=1)
    assert thinned([3.0, 1.0]) == [3.0, 1.0]


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        ("text/csv; charset=utf-8", "CSV"),
        ("application/JSON", "JSON"),
        ("image/png", "BASE64"),
        ("text/plain", "BASE64"),
    ],
)
def test_the_listed_content_types_are_kept_as_text(content_type: str, encoding: str) -> None:
    exchange = capture.Exchange("v", b"1,2", content_type, b"", "x", "id", None, datetime(2026, 1, 2, tzinfo=UTC))
    config = {
        "CaptureOptions": [{"CaptureMode": "Input"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
    }
    record = capture.record(exchange, config)
    assert record["captureData"]["endpointInput"]["encoding"] == encoding
    assert "endpointOutput" not in record["captureData"]
    assert record["eventMetadata"] == {"eventId": "id", "inferenceTime": "2026-01-02T00:00:00Z"}


def test_bytes_that_claim_to_be_text_become_base64() -> None:
    exchange = capture.Exchange("v", b"\xff", "text/csv", b"", "x", "id", None, datetime(2026, 1, 2, tzinfo=UTC))
    config = {
        "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
    }
    assert capture.record(exchange, config)["captureData"]["endpointInput"]["encoding"] == "BASE64"


def test_everything_that_is_held_can_be_saved() -> None:
    backend = SageMakerBackend("eu-west-1", "123456789012")
    request = {"RoleArn": "r", "ResourceConfig": {"InstanceCount": 1}}
    backend.training_jobs["j"] = TrainingJob("j", "arn:j", request, [])
    spec = VariantSpec("v", "m", "i", None, {}, "r", False, "ml.m5.large", None, 5.0, 1, 1.0)
    backend.endpoints["e"] = Endpoint("e", "arn:e", [], Deployment("c", [spec]))
    again = pickle.loads(pickle.dumps(backend))  # noqa: S301
    assert again.training_jobs["j"].response_object == backend.training_jobs["j"].response_object
    assert again.endpoints["e"].response_object == backend.endpoints["e"].response_object


def test_a_list_has_the_sizes_and_orders_of_its_operation() -> None:
    jobs = [SimpleNamespace(name=f"n{n:02d}", creation_time=n, status="Completed") for n in reversed(range(12))]

    def names(request: dict[str, Any], **more: Any) -> tuple[list[str], str | None]:
        page, token = listing.page(jobs, request, name=lambda job: job.name, **more)
        return [job.name for job in page], token

    first, token = names({}, by="Name", size=10)
    assert (first, token) == ([f"n{n:02d}" for n in range(10)], "10")
    assert names({"NextToken": token}, by="Name", size=10) == (["n10", "n11"], None)
    assert names({"MaxResults": 2}, order="Descending") == (["n11", "n10"], "2")
    assert names({"SortBy": "Size", "MaxResults": 1}, more={"Size": lambda job: -job.creation_time})[0] == ["n11"]
