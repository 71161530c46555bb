"""The folders and files that stand for ``/opt/ml`` in a training container.

Source: SageMaker developer guide, "How Amazon SageMaker Provides Training Information".
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from rehearsal.aws.sagemaker.training.job import TrainingJob

NETWORK_INTERFACE = "lo"
"""By which hosts talk: all of them are this machine."""


@dataclass(frozen=True)
class Layout:
    """Paths below one host's ``/opt/ml``."""

    base: Path

    @property
    def config(self) -> Path:
        """hyperparameters.json, inputdataconfig.json and resourceconfig.json."""
        return self.base / "input" / "config"

    @property
    def data(self) -> Path:
        """One folder per channel."""
        return self.base / "input" / "data"

    @property
    def model(self) -> Path:
        """What becomes model.tar.gz."""
        return self.base / "model"

    @property
    def output(self) -> Path:
        """Holds the failure file."""
        return self.base / "output"

    @property
    def output_data(self) -> Path:
        """What becomes output.tar.gz."""
        return self.output / "data"

    @property
    def code(self) -> Path:
        """The program's folder in script mode."""
        return self.base / "code"

    @property
    def failure(self) -> Path:
        """Where the program explains its own failure."""
        return self.output / "failure"

    def path(self, container_path: str) -> Path:
        """Return the path that stands for an absolute path below ``/opt/ml``."""
        return self.base / container_path.removeprefix("/opt/ml").lstrip("/")


def prepare(folder: Path, job: TrainingJob, host: str) -> Layout:
    """Make a host's empty ``/opt/ml`` and write its configuration files.

    A folder left by an earlier job of the same name is removed: a stale model would be uploaded as a new one.
    """
    shutil.rmtree(folder, ignore_errors=True)
    layout = Layout(folder / "opt" / "ml")
    for path in (layout.config, layout.data, layout.model, layout.output_data, layout.code):
        path.mkdir(parents=True)
    _write(layout.config / "hyperparameters.json", job.request.get("HyperParameters") or {})
    _write(layout.config / "inputdataconfig.json", input_data_config(job.request))
    _write(layout.config / "resourceconfig.json", resource_config(job, host))
    return layout


def input_data_config(request: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Describe each channel to the program."""
    default = request["AlgorithmSpecification"].get("TrainingInputMode", "File")
    channels: dict[str, dict[str, str]] = {}
    for channel in request.get("InputDataConfig") or []:
        source = channel["DataSource"]["S3DataSource"]
        channels[channel["ChannelName"]] = {
            "TrainingInputMode": channel.get("InputMode") or default,
            "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
            "RecordWrapperType": channel.get("RecordWrapperType", "None"),
            **({"ContentType": channel["ContentType"]} if channel.get("ContentType") else {}),
        }
    return channels


def resource_config(job: TrainingJob, host: str) -> dict[str, Any]:
    """Describe the hosts to the program. Their names do not resolve here: all of them are this machine."""
    instance = job.request["ResourceConfig"].get("InstanceType", "")
    group = {"instance_group_name": "homogeneousCluster", "instance_type": instance, "hosts": job.hosts}
    return {
        "current_host": host,
        "current_instance_type": instance,
        "current_group_name": group["instance_group_name"],
        "hosts": job.hosts,
        "instance_groups": [group],
        "network_interface_name": NETWORK_INTERFACE,
    }


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
