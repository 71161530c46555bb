"""An environment as Terraform's outputs describe it, and workloads that are made for one test."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import yaml

from training.jobs import environment
from training.jobs.plan import Plan, plan
from training.workloads import spec

ACCOUNT, REGION = "123456789012", "eu-west-1"
NAME = "slipway-dev-vehicles"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/44444444-4444-4444-4444-444444444444"
DIGEST = "sha256:" + "0123456789abcdef" * 4
BUCKET = f"slipway-dev-{ACCOUNT}"
CODE = f"s3://{BUCKET}-models/vehicles/code/0123/sourcedir.tar.gz"

MADE: dict[str, Any] = {
    "artifact_uri": f"s3://{BUCKET}-models/vehicles/artifacts",
    "checkpoint_uri": f"s3://{BUCKET}-models/vehicles/checkpoints",
    "code_uri": f"s3://{BUCKET}-models/vehicles/code",
    "data_bucket": f"{BUCKET}-data",
    "dataset_uri": f"s3://{BUCKET}-data/vehicles/dataset",
    "image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{NAME}/training@{DIGEST}",
    "job_name_prefix": f"{NAME}-",
    "output_key_arn": KEY,
    "region": REGION,
    "role_arn": f"arn:aws:iam::{ACCOUNT}:role/{NAME}-training",
    "security_group_ids": ["sg-11111111", "sg-99999999"],
    "subnet_ids": ["subnet-11111111", "subnet-22222222"],
    "tags": {"Name": NAME, "Workload": "vehicles", "environment": "dev"},
    "tuning_name_prefix": "vehicles-dev-",
    "volume_key_arn": KEY,
}

TUNING: dict[str, Any] = {
    "strategy": "Bayesian",
    "objective": {"metric": "validation:accuracy", "goal": "Maximize"},
    "max_jobs": 6,
    "max_parallel": 2,
    "early_stopping": "Auto",
    "ranges": {
        "learning_rate": {"min": 0.0001, "max": 0.1, "scaling": "Logarithmic"},
        "batch_size": {"min": 8, "max": 64},
        "architecture": {"values": ["small_cnn", "resnet18"]},
    },
}


def place(settings: dict[str, Any] | None = None, **made: Any) -> environment.Environment:
    """The environment of vehicles in dev; `settings` are its training's, `made` overrides outputs."""
    outputs = {environment.OUTPUT: {"vehicles": MADE | made}}
    return environment.assemble(
        "dev", "vehicles", outputs=outputs, settings={"workloads": {"vehicles": {"training": settings or {}}}}
    )


def place_of(name: str) -> environment.Environment:
    """The rehearsal's environment of any workload."""

    def named(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return value.replace("slipway-dev", "slipway-rehearsal").replace("vehicles", name)

    outputs = {environment.OUTPUT: {name: {key: named(value) for key, value in MADE.items()}}}
    return environment.assemble("rehearsal", name, outputs=outputs, settings={"workloads": {name: {}}})


def workload(*, channels: dict[str, Any] | None = None, **training: Any) -> Any:
    """Vehicles with other channels, or with other entries of `training`."""
    document = json.loads(_document())
    document["data"]["channels"] |= channels or {}
    document["training"] |= training
    return _parsed(yaml.safe_dump(document))


@cache
def _document() -> str:
    return json.dumps(yaml.safe_load((spec.WORKLOADS / "vehicles" / "workload.yaml").read_text()))


@cache
def _parsed(text: str) -> Any:
    return spec.parse(text)


def planned(given: Any = None, where: environment.Environment | None = None, **wanted: Any) -> Plan:
    """The plan of one job of it."""
    return plan(given or workload(), where or place(), **({"code": CODE} | wanted))
