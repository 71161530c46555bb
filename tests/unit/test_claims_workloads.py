"""The claims' two workloads: what must agree between them, and SageMaker's own SSD in place of ours."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.unit.jobs_support import MADE
from training.errors import TrainingError
from training.jobs import environment, images
from training.jobs import training as jobs
from training.jobs.plan import plan
from training.learning.detection import network
from training.workloads import spec
from training.workloads.claims import data

DETECTOR = spec.WORKLOADS / "claims-detector"


def test_the_flow_s_thresholds_and_labels_are_those_of_the_models():
    claims, detector = spec.load("claims"), spec.load("claims-detector")
    assert [workload.name for workload in spec.together(claims)] == ["claims-detector", "claims"]
    assert claims.workflow is not None
    assert claims.workflow.thresholds["car"] == detector.training.hyperparameters["score_used"].default
    assert claims.workflow.thresholds["car"] > float(detector.training.hyperparameters["score_floor"].default)
    assert (claims.data.classes, detector.data.classes) == (data.CLASSES, data.CAR)
    for limit in ("max_image_bytes", "max_image_pixels"):
        assert getattr(claims.inference, limit) == getattr(detector.inference, limit), "both get the same photo"


def test_the_detector_s_choices_are_those_that_can_be_built():
    workload = spec.load("claims-detector")
    assert workload.training.hyperparameters["architecture"].choices == network.ARCHITECTURES
    size = (workload.data.image.height, workload.data.image.width)
    assert network.build("light", 1, size).classes == 1
    with pytest.raises(TrainingError, match="multiples"):
        network.build("light", 1, (size[0] + 1, size[1]))


def merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """What `second` names replaces it in `first`; hyperparameters and metrics as a whole."""
    whole = {"hyperparameters", "metrics", "channels"}
    return first | {
        name: merged(first[name], value) if isinstance(value, dict) and name not in whole else value
        for name, value in second.items()
    }


def test_the_same_job_request_trains_sagemaker_s_own_ssd():
    """The parts of ssd.yaml in place of workload.yaml's, and the algorithm's image in place of ours."""
    document, changes = (yaml.safe_load((DETECTOR / name).read_text()) for name in ("workload.yaml", "ssd.yaml"))
    document.pop("rehearsal")
    workload = spec.parse(yaml.safe_dump(merged(document, changes)))
    name = workload.name
    made = {key: value.replace("vehicles", name) if isinstance(value, str) else value for key, value in MADE.items()}
    settings = {"workloads": {name: {"training": {}}}}
    where = environment.assemble("dev", name, outputs={environment.OUTPUT: {name: made}}, settings=settings)
    wanted = plan(
        workload, where, code=f"{where.code_uri}/0123/sourcedir.tar.gz", hyperparameters={"num_training_samples": 812}
    )
    request = jobs.request(
        wanted, f"slipway-dev-{name}-1", algorithm_image=images.uri("eu-west-1", "object-detection:1")
    )

    assert "/object-detection:1" in request["AlgorithmSpecification"]["TrainingImage"]
    assert request["HyperParameters"]["num_training_samples"] == "812"
    assert "sagemaker_program" not in request["HyperParameters"], "it runs no program of ours"
    channels = {channel["ChannelName"]: channel for channel in request["InputDataConfig"]}
    assert set(channels) == {"train", "validation", "test"}
    for part, channel in channels.items():
        source = channel["DataSource"]["S3DataSource"]
        assert (channel["InputMode"], channel["RecordWrapperType"]) == ("Pipe", "RecordIO")
        assert source["S3DataType"] == "AugmentedManifestFile"
        assert source["AttributeNames"] == ["source-ref", "bounding-box"]
        assert source["S3Uri"].endswith(f"/{name}/dataset/{part}.manifest")
    assert request["EnableNetworkIsolation"] is True
    assert request["EnableInterContainerTrafficEncryption"] is True
    assert request["OutputDataConfig"]["KmsKeyId"]
