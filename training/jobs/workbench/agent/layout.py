"""`/opt/ml` of one job: the folders and files of the training container's contract.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONTAINER = "/opt/ml"
HOST = "localhost"
"""The only host: a container without a network knows no other name."""


@dataclass(frozen=True)
class Layout:
    """Paths below the folder that the container sees as `/opt/ml`."""

    base: Path

    @property
    def data(self) -> Path:
        """One folder per channel."""
        return self.base / "input" / "data"

    @property
    def config(self) -> Path:
        """The three files that describe the job to the container."""
        return self.base / "input" / "config"

    @property
    def model(self) -> Path:
        """What becomes model.tar.gz."""
        return self.base / "model"

    @property
    def output(self) -> Path:
        """What becomes output.tar.gz."""
        return self.base / "output" / "data"

    @property
    def failure(self) -> Path:
        """Where the program says why it failed."""
        return self.base / "output" / "failure"

    def path(self, container_path: str) -> Path:
        """The path here that stands for one in the container."""
        return self.base / container_path.removeprefix(CONTAINER).lstrip("/")


def prepare(base: Path, request: dict[str, Any], *, relocated: bool) -> Layout:
    """Make the folders anew and write the configuration.

    Parameters
    ----------
    relocated
        Whether the program sees `base` itself instead of `/opt/ml`.
    """
    shutil.rmtree(base, ignore_errors=True)
    layout = Layout(base)
    for folder in (layout.config, layout.data, layout.model, layout.output, base / "code"):
        folder.mkdir(parents=True)
    for folder in (base, *(path for path in base.rglob("*") if path.is_dir())):
        folder.chmod(0o777)  # the image's user is not this one, and nobody else is on the machine
    given = dict(request.get("HyperParameters") or {})
    if relocated:
        given = {name: _moved(value, base) for name, value in given.items()}
    machine = request["ResourceConfig"]["InstanceType"]
    group = {"instance_group_name": "homogeneousCluster", "instance_type": machine, "hosts": [HOST]}
    _write(layout.config / "hyperparameters.json", given)
    _write(
        layout.config / "inputdataconfig.json",
        {one["ChannelName"]: _channel(one, request) for one in channels(request)},
    )
    _write(
        layout.config / "resourceconfig.json",
        {
            "current_host": HOST,
            "current_instance_type": machine,
            "current_group_name": group["instance_group_name"],
            "hosts": [HOST],
            "instance_groups": [group],
            "network_interface_name": "lo",
        },
    )
    return layout


def channels(request: dict[str, Any]) -> list[dict[str, Any]]:
    """The input channels of a request."""
    return list(request.get("InputDataConfig") or [])


def mode(channel: dict[str, Any], request: dict[str, Any]) -> str:
    """How a channel's data come to the program."""
    return str(channel.get("InputMode") or request["AlgorithmSpecification"].get("TrainingInputMode", "File"))


def _channel(channel: dict[str, Any], request: dict[str, Any]) -> dict[str, str]:
    source = channel["DataSource"]["S3DataSource"]
    described = {
        "TrainingInputMode": mode(channel, request),
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    return described | ({"ContentType": channel["ContentType"]} if channel.get("ContentType") else {})


def _moved(value: str, base: Path) -> str:
    return f"{base}{value[len(CONTAINER) :]}" if value == CONTAINER or value.startswith(f"{CONTAINER}/") else value


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
