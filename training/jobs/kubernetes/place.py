"""Where manifests act: an applied environment, or, before there is one, what its files say already.

Without access to Terraform's state the names are known, because `main.tf.json` holds them; what only AWS hands out
(keys, subnets, security groups) is written as `FROM-TERRAFORM...`, which no cluster's controller could use by mistake.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import yaml

from training.errors import JobError
from training.jobs import environment
from training.jobs.kubernetes.hosting import Hosting

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from training.jobs.environment import Environment

OPEN = "FROM-TERRAFORM"
SKETCHED = "rehearsal"
"""The environment whose files stand for any, where none is named: it has every workload."""
MODELS = "models.auto.tfvars.json"
# What a model that nobody has promoted yet is called; everything else about it is known.
_UNPROMOTED = {"version": "0", "model_data_url": f"s3://{OPEN}/promoted/model.tar.gz"}


@dataclass(frozen=True, slots=True)
class Place:
    """Everything that a workload's manifests are made of, beside the workload itself.

    Attributes
    ----------
    promoted
        The workload's entry of models.auto.tfvars.json, or a stand-in.
    production
        Whether people depend on the environment.
    open_values
        Stand-in -> where its value comes from; empty for an applied environment with a promoted model.
    """

    environment: Environment
    hosting: Hosting
    promoted: Mapping[str, Any]
    production: bool
    open_values: Mapping[str, str]


def applied(name: str, workload: str, *, outputs: Path | None = None) -> Place:
    """An environment that Terraform has made.

    Raises
    ------
    JobError
        There is none of that name, its outputs cannot be read, or the workload is none of it.
    """
    made, settings = environment.read(name, outputs=outputs)
    return _place(name, workload, made, settings)


def sketched(workload: str, name: str = SKETCHED) -> Place:
    """The same before anything is applied, with stand-ins for what only AWS knows.

    Raises
    ------
    JobError
        The workload is none of the environment.
    """
    document, modules = _document(name), _modules(name)
    if f"{_block(workload)}_training" not in modules:
        known = ", ".join(sorted(one["workload"] for key, one in modules.items() if key.endswith("_training")))
        raise JobError("WORKLOAD", workload, f"is no workload of {name}, which has {known}; add it to settings.yaml")
    training = modules[f"{_block(workload)}_training"]
    region, account = _region(document), _account(document)
    data, models = modules["data_bucket"]["name"], modules["models_bucket"]["name"]
    prefix = training["name"]
    subnets = [f"{OPEN}-subnet-{number}" for number, _ in enumerate(modules["network"]["zones"], 1)]
    tags = document["provider"]["aws"][0]["default_tags"][0]["tags"]
    outputs = {
        environment.OUTPUT: {
            workload: {
                "artifact_uri": f"s3://{models}/{workload}/artifacts",
                "checkpoint_uri": f"s3://{models}/{workload}/checkpoints",
                "code_uri": f"s3://{models}/{workload}/code",
                "data_bucket": data,
                "dataset_uri": f"s3://{data}/{workload}/dataset",
                "image": training["job"]["image"],
                "job_name_prefix": f"{prefix}-",
                "output_key_arn": f"{OPEN}/key_arns/model",
                "region": region,
                "role_arn": _role(region, account, f"{prefix}-training"),
                "security_group_ids": [f"{OPEN}-sg-training", f"{OPEN}-sg-cluster"],
                "subnet_ids": subnets,
                "tags": tags | {"Name": prefix, "Workload": workload},
                "tuning_name_prefix": f"{training['tuning_name']}-",
                "volume_key_arn": f"{OPEN}/key_arns/model",
            }
        },
        "key_arns": {purpose: f"{OPEN}/key_arns/{purpose}" for purpose in ("data", "model")},
        "security_group_ids": {"endpoint": f"{OPEN}-sg-endpoint"},
    }
    settings = yaml.safe_load((environment.ENVIRONMENTS / name / "settings.yaml").read_text(encoding="utf-8"))
    return _place(name, workload, outputs, settings)


def _place(name: str, workload: str, outputs: Mapping[str, Any], settings: Mapping[str, Any]) -> Place:
    made = environment.assemble(name, workload, outputs=outputs, settings=settings)
    # Terraform's own tags but this one: what the cluster makes is not Terraform's.
    made = replace(made, tags=made.tags | {"managed-by": "kubernetes"})
    document, modules = _document(name), _modules(name)
    endpoint = modules[f"{_block(workload)}_endpoint"]
    role = _role(made.region, _account(document), f"{endpoint['name']}-endpoint")
    hosted = replace(made, role_arn=role, security_group_ids=(outputs["security_group_ids"]["endpoint"],))
    hosting = Hosting(
        environment=hosted,
        name=endpoint["name"],
        data_key_arn=outputs["key_arns"]["data"],
        model_key_arn=outputs["key_arns"]["model"],
        endpoint=endpoint,
    )
    promoted = _promoted(name).get(workload)
    serving = modules[f"{_block(workload)}_training"]["inference"]["image"]
    model = promoted or _UNPROMOTED | {"image": serving}
    return Place(made, hosting, model, bool(endpoint["production"]), _open(made, hosting, model))


def _open(made: Environment, hosting: Hosting, model: Mapping[str, Any]) -> dict[str, str]:
    """Stand-ins that are left, and where each comes from."""
    found = dict.fromkeys(made.security_group_ids, f"output {environment.OUTPUT}, security_group_ids")
    found |= dict.fromkeys(made.subnet_ids, "output subnet_ids")
    found |= {hosting.data_key_arn: "output key_arns, data", hosting.model_key_arn: "output key_arns, model"}
    found |= dict.fromkeys(hosting.environment.security_group_ids, "output security_group_ids, endpoint")
    found[model["model_data_url"]] = f"{MODELS}, once a model is promoted"
    return {value: source for value, source in found.items() if OPEN in value}


def _document(name: str) -> dict[str, Any]:
    if name not in environment.names():
        raise JobError("ENV", name, f"name one of {', '.join(environment.names())}")
    path = environment.ENVIRONMENTS / name / "main.tf.json"
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise JobError("main.tf.json", str(path), f"cannot be read ({error}): run `make synth`") from None
    return document


def _modules(name: str) -> dict[str, Any]:
    modules: dict[str, Any] = _document(name)["module"]
    return modules


def _promoted(name: str) -> dict[str, Any]:
    path = environment.ENVIRONMENTS / name / MODELS
    models: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["models"] if path.is_file() else {}
    return models


def _region(document: Mapping[str, Any]) -> str:
    return str(document["provider"]["aws"][0]["region"])


def _account(document: Mapping[str, Any]) -> str:
    return str(document["provider"]["aws"][0]["allowed_account_ids"][0])


def _role(region: str, account: str, name: str) -> str:
    partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    return f"arn:{partition}:iam::{account}:role/{name}"


def _block(workload: str) -> str:
    return workload.replace("-", "_")
