"""What script mode tells the program: ``SM_*`` variables and command-line arguments.

Follows the sagemaker-training toolkit that AWS's framework images carry (``ENVIRONMENT_VARIABLES.md``).
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from rehearsal.aws.sagemaker.container import relocate
from rehearsal.aws.sagemaker.training import torchrun
from rehearsal.aws.sagemaker.training.layout import NETWORK_INTERFACE, input_data_config, resource_config

if TYPE_CHECKING:
    from rehearsal.aws.sagemaker.training.job import TrainingJob
    from rehearsal.aws.sagemaker.training.layout import Layout

_TOOLKIT_PREFIXES = ("sagemaker_", "_tuning_objective_metric")


def hyperparameters(job: TrainingJob, layout: Layout) -> dict[str, Any]:
    """Return the decoded hyperparameters: JSON where it is JSON, else the string itself."""
    raw = job.request.get("HyperParameters") or {}
    return {name: _decode(relocate(value, layout.base)) for name, value in raw.items()}


def user_hyperparameters(decoded: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is meant for the toolkit."""
    return {name: value for name, value in decoded.items() if not name.startswith(_TOOLKIT_PREFIXES)}


def arguments(user: dict[str, Any]) -> list[str]:
    """Return ``--name value`` pairs in the order of the names."""
    flat: list[str] = []
    for name in sorted(user):
        flat += [f"-{name}" if len(name) == 1 else f"--{name}", _text(user[name])]
    return flat


def variables(job: TrainingJob, layout: Layout, host: str, program: str, decoded: dict[str, Any]) -> dict[str, str]:
    """Return the variables of one host's program.

    ``SAGEMAKER_BASE_DIR`` is what the toolkit itself reads to find another place than ``/opt/ml``.
    """
    user = user_hyperparameters(decoded)
    channels = sorted(input_data_config(job.request))
    resources = resource_config(job, host)
    values: dict[str, Any] = {
        "SM_HOSTS": job.hosts,
        "SM_CURRENT_HOST": host,
        "SM_CURRENT_INSTANCE_TYPE": resources["current_instance_type"],
        "SM_CURRENT_INSTANCE_GROUP": resources["current_group_name"],
        "SM_INSTANCE_GROUPS": [resources["current_group_name"]],
        "SM_NETWORK_INTERFACE_NAME": resources["network_interface_name"],
        "SM_RESOURCE_CONFIG": resources,
        "SM_INPUT_DATA_CONFIG": input_data_config(job.request),
        "SM_INPUT_DIR": layout.base / "input",
        "SM_INPUT_CONFIG_DIR": layout.config,
        "SM_OUTPUT_DIR": layout.output,
        "SM_OUTPUT_DATA_DIR": layout.output_data,
        "SM_OUTPUT_INTERMEDIATE_DIR": layout.output / "intermediate",
        "SM_MODEL_DIR": layout.model,
        "SM_MODULE_DIR": decoded.get("sagemaker_submit_directory", layout.code),
        "SM_MODULE_NAME": program.rsplit(".", 1)[0],
        "SM_USER_ENTRY_POINT": program,
        "SM_USER_ARGS": arguments(user),
        "SM_HPS": user,
        "SM_CHANNELS": channels,
        "SM_LOG_LEVEL": decoded.get("sagemaker_container_log_level", 20),
        "SM_NUM_CPUS": os.cpu_count() or 1,
        "SM_NUM_GPUS": 0,
        "SAGEMAKER_BASE_DIR": layout.base,
        "TRAINING_JOB_NAME": job.training_job_name,
        "TRAINING_JOB_ARN": job.arn,
        "PYTHONPATH": layout.code,
    }
    values.update({f"SM_CHANNEL_{name.upper()}": layout.data / name for name in channels})
    values.update({f"SM_HP_{name.upper()}": value for name, value in user.items()})
    return {name: _text(value) for name, value in values.items()}


def distributed(job: TrainingJob, host: str, port: int, decoded: dict[str, Any]) -> dict[str, str]:
    """Return what ``torch.distributed``'s ``env://`` start needs on several hosts; nothing on one.

    Where torchrun starts the processes it tells them itself. All of them talk over the loopback interface: the hosts'
    names do not resolve.
    """
    way = {"GLOO_SOCKET_IFNAME": NETWORK_INTERFACE, "NCCL_SOCKET_IFNAME": NETWORK_INTERFACE}
    if torchrun.wanted(decoded):
        return way
    if len(job.hosts) == 1:
        return {}
    return {
        **way,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": str(len(job.hosts)),
        "RANK": str(job.hosts.index(host)),
        "LOCAL_RANK": "0",
    }


def _decode(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True)
    return "" if value is None else str(value)
