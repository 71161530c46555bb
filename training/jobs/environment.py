"""Where a job runs: what Terraform has made there for one workload, and what its settings decide about training.

The names, keys, subnets and tags come from one output of the environment, `training_environments`: the same facts that
the retraining state machine was made with. Settings are read as plain data; `make synth` is what checks them.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from training.errors import JobError

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ROOT / "terraform" / "environments"
OUTPUT = "training_environments"


@dataclass(frozen=True, slots=True)
class Environment:
    """What one workload's jobs stand on in one environment.

    Attributes
    ----------
    job_name_prefix, tuning_name_prefix
        What names of jobs begin with: the roles know jobs by it. That of tuning jobs is shorter, as AWS ends their
        names at 32 characters.
    artifact_uri, checkpoint_uri, code_uri, dataset_uri
        Places in S3, without a slash at the end.
    image
        The workload's own training image, by its digest.
    """

    name: str
    workload: str
    region: str
    job_name_prefix: str
    tuning_name_prefix: str
    role_arn: str
    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]
    volume_key_arn: str
    output_key_arn: str
    artifact_uri: str
    checkpoint_uri: str
    code_uri: str
    data_bucket: str
    dataset_uri: str
    image: str
    tags: dict[str, str]
    training: dict[str, Any] = field(default_factory=dict)
    """The settings' `training` of this workload: what here differs from workload.yaml."""
    any_instance: bool = False
    """Whether the settings give a reason (`loosened.instance_types`) for types off the list."""


def names() -> list[str]:
    """Environments of the repository, sorted."""
    return sorted(path.parent.name for path in ENVIRONMENTS.glob("*/settings.yaml"))


def load(name: str, workload: str, *, outputs: Path | None = None, settings: Path | None = None) -> Environment:
    """Read an environment.

    Parameters
    ----------
    outputs
        A file of `terraform output -json`; where there is none, Terraform is asked, which needs access to the state.
    settings
        In place of the environment's own settings.yaml.

    Raises
    ------
    JobError
        There is no such environment, it has not been applied, or the workload is none of it.
    """
    made, decided = read(name, outputs=outputs, settings=settings)
    return assemble(name, workload, outputs=made, settings=decided)


def read(
    name: str, *, outputs: Path | None = None, settings: Path | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read an environment's outputs and its settings, as `load` does."""
    if name not in names():
        raise JobError("ENV", name, f"name one of {', '.join(names())}")
    decided = _read_settings(settings or ENVIRONMENTS / name / "settings.yaml")
    return _read_outputs(outputs) if outputs else _ask_terraform(name), decided


def assemble(name: str, workload: str, *, outputs: Mapping[str, Any], settings: Mapping[str, Any]) -> Environment:
    """Make an environment of Terraform's outputs (name to value) and of its settings."""
    chosen = (settings.get("workloads") or {}).get(workload)
    if chosen is None:
        known = ", ".join(sorted(settings.get("workloads") or {})) or "none"
        raise JobError("WORKLOAD", workload, f"is no workload of {name}, which has {known}; add it to settings.yaml")
    made = (outputs.get(OUTPUT) or {}).get(workload)
    if made is None:
        raise JobError(OUTPUT, sorted(outputs.get(OUTPUT) or {}), f"does not hold {workload}: `make apply ENV={name}`")
    wanted = {known.name for known in fields(Environment)} - {"name", "workload", "training", "any_instance"}
    if missing := sorted(wanted - set(made)):
        raise JobError(f"{OUTPUT}.{workload}", missing, f"lacks these: `make apply ENV={name}` with this version")
    facts: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in made.items() if key in wanted
    }
    return Environment(
        name=name,
        workload=workload,
        training=dict(chosen.get("training") or {}),
        any_instance=bool((settings.get("loosened") or {}).get("instance_types")),
        **facts,
    )


def _read_outputs(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise JobError(
            "OUTPUTS", str(path), f"cannot be read ({error}); write it with terraform output -json"
        ) from None
    return _values(document)


def _ask_terraform(name: str) -> dict[str, Any]:
    command = ["terraform", f"-chdir={ENVIRONMENTS / name}", "output", "-json"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise JobError("terraform", None, f"cannot be started ({error}): run `make setup`") from None
    remedy = (
        "sign in with access to the state, or have somebody who has it write the outputs to a file "
        f"(terraform -chdir=terraform/environments/{name} output -json) and give it: OUTPUTS=FILE"
    )
    if said.returncode:
        raise JobError("terraform output", " ".join(said.stderr.split())[:300], remedy)
    return _values(json.loads(said.stdout or "{}"))


def _values(document: Any) -> dict[str, Any]:
    """Take the values out of Terraform's `{name: {value, type, sensitive}}`; plain ones pass through."""
    if not isinstance(document, dict):
        raise JobError("OUTPUTS", type(document).__name__, "must be the object that terraform output -json writes")
    return {
        name: one["value"] if isinstance(one, dict) and {"value", "type"} <= set(one) else one
        for name, one in document.items()
    }


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise JobError("settings", str(path), f"cannot be read ({' '.join(str(error).split())})") from None
    if not isinstance(document, dict):
        raise JobError("settings", str(path), "must hold keys and values")
    return document
