"""The request that `training.jobs` sends is the one that the retraining state machine would send."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.terraform.terraform_harness import MODULES, example_folder, initialised, planned_resources, running_provider
from tests.unit import jobs_support as support
from training.jobs import environment, training
from training.jobs import plan as plans
from training.workloads import spec

ENVIRONMENT = environment.ENVIRONMENTS / "rehearsal"
NAME = "slipway-rehearsal-vehicles"
JOB = f"{NAME}-20260102-030405"
BUCKETS = {purpose: f"slipway-rehearsal-{support.ACCOUNT}-{purpose}" for purpose in ("data", "models")}
KEY = "arn:aws:kms:eu-west-1:123456789012:key/{}"
KEYS = {name: KEY.format(f"{number}" * 8) for number, name in enumerate(("data", "logs", "messages", "model"), 1)}
CODE = f"s3://{BUCKETS['models']}/vehicles/code/0123/sourcedir.tar.gz"
TAGS = {"environment": "rehearsal", "managed-by": "terraform", "owner": "ml-platform", "project": "slipway"}

# What the environment's modules refer to in each other, as it is once they are there.
REFERENCES = {
    **{f'module.keys.arns["{name}"]': arn for name, arn in KEYS.items()},
    **{f"module.{purpose}_bucket.name": name for purpose, name in BUCKETS.items()},
    **{f"module.{purpose}_bucket.arn": f"arn:aws:s3:::{name}" for purpose, name in BUCKETS.items()},
    "module.alerts.topic_arn": f"arn:aws:sns:eu-west-1:{support.ACCOUNT}:alerts",
    "module.network.subnet_ids": ["subnet-11111111", "subnet-22222222"],
    'module.network.client_security_group_ids["training"]': "sg-11111111",
}

TEST = """
mock_provider "aws" {
  source = "%s"
}

override_resource {
  target          = module.this.aws_security_group.cluster
  override_during = plan
  values          = { id = "sg-99999999" }
}

override_resource {
  target          = module.this.aws_sagemaker_model_package_group.this
  override_during = plan
  values          = { tags_all = %s }
}

run "rendered" {
  command = plan
}
"""


@pytest.fixture(scope="module")
def provider(terraform_environment: dict[str, str]) -> Iterator[dict[str, str]]:
    with running_provider(terraform_environment) as env:
        yield env


def block(**changes: Any) -> dict[str, Any]:
    """The rehearsal's call of the training module, with every reference resolved."""
    document = json.loads((ENVIRONMENT / "main.tf.json").read_text())
    found = document["module"]["vehicles_training"]
    found["job"] |= changes
    return _resolved({key: value for key, value in found.items() if key not in {"source", "depends_on"}})


def _resolved(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _resolved(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item) for item in value]
    whole = re.fullmatch(r"\$\{([^}]+)\}", value) if isinstance(value, str) else None
    return REFERENCES[whole[1]] if whole and whole[1] in REFERENCES else value


def sent_by_the_machine(changes: dict[str, Any], provider: dict[str, str]) -> dict[str, Any]:
    """Render the module with Terraform and fill its paths, as Step Functions does for an input."""
    folder = example_folder(MODULES / "training", "")
    call = block(**changes) | {"source": "../../modules/training"}
    (folder / "main.tf").unlink()
    (folder / "main.tf.json").write_text(json.dumps({"module": {"this": call}}))
    mocks = environment.ROOT / "terraform" / "mocks"
    (folder / "tests" / "example.tftest.hcl").write_text(TEST % (mocks, json.dumps(TAGS)))
    resources = planned_resources(folder, initialised(folder, provider))
    machine = next(one for one in resources if one["type"] == "aws_sfn_state_machine")
    definition = json.loads(machine["change"]["after"]["definition"])
    given = {"job_name": JOB, "code": CODE, "dataset": f"s3://{BUCKETS['data']}/vehicles/dataset"}
    return _filled(definition["States"]["Train"]["Parameters"], given)


def _filled(value: Any, given: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_filled(item, given) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name.removesuffix(".$"): _expression(item, given) if name.endswith(".$") else _filled(item, given)
        for name, item in value.items()
    }


def _expression(text: str, given: dict[str, str]) -> str:
    """`$.name` and `States.Format('...{}...', $.name)`, which is all that the definition uses."""
    if formatted := re.fullmatch(r"States\.Format\('(.*)', \$\.(\w+)\)", text):
        return formatted[1].replace("{}", given[formatted[2]])
    return given[text.removeprefix("$.")]


def ours(changes: dict[str, Any]) -> dict[str, Any]:
    """The request for the same workload, environment and wishes, from the outputs that the module would give."""
    settings = yaml.safe_load((ENVIRONMENT / "settings.yaml").read_text())
    made = {
        **support.MADE,
        "artifact_uri": f"s3://{BUCKETS['models']}/vehicles/artifacts",
        "checkpoint_uri": f"s3://{BUCKETS['models']}/vehicles/checkpoints",
        "code_uri": f"s3://{BUCKETS['models']}/vehicles/code",
        "data_bucket": BUCKETS["data"],
        "dataset_uri": f"s3://{BUCKETS['data']}/vehicles/dataset",
        "image": block()["job"]["image"],
        "job_name_prefix": f"{NAME}-",
        "output_key_arn": KEYS["model"],
        "role_arn": f"arn:aws:iam::{support.ACCOUNT}:role/{NAME}-training",
        "tags": TAGS | {"Name": NAME, "Workload": "vehicles"},
        "volume_key_arn": KEYS["model"],
    }
    where = environment.assemble(
        "rehearsal", "vehicles", outputs={environment.OUTPUT: {"vehicles": made}}, settings=settings
    )
    fields = {"instance_type": "type", "instance_count": "count"}
    machines = {fields.get(name, name): value for name, value in changes.items() if name != "processes_per_instance"}
    document = yaml.safe_load((spec.WORKLOADS / "vehicles" / "workload.yaml").read_text())
    document["training"] |= {k: v for k, v in changes.items() if k == "processes_per_instance"}
    given = spec.parse(yaml.safe_dump(document))
    return training.request(plans.plan(given, where, code=CODE, machines=machines), JOB)


def normalised(request: dict[str, Any]) -> dict[str, Any]:
    """Order says nothing in a list of tags and of channels."""
    return request | {
        "Tags": sorted(request["Tags"], key=lambda tag: tag["Key"]),
        "InputDataConfig": sorted(request["InputDataConfig"], key=lambda channel: channel["ChannelName"]),
    }


@pytest.mark.provider
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, marks=pytest.mark.slow),
        pytest.param({"spot": True}, marks=pytest.mark.slow),
        {"instance_count": 2, "processes_per_instance": 3, "warm_s": 600, "instance_type": "ml.c5.2xlarge"},
    ],
    ids=["as it is", "spot", "several warm instances"],
)
def test_our_request_is_the_state_machines(changes: dict[str, Any], provider: dict[str, str]) -> None:
    assert normalised(ours(changes)) == normalised(sent_by_the_machine(changes, provider))


def test_the_test_would_see_a_difference() -> None:
    request = ours({})
    other = json.loads(json.dumps(request))
    other["StoppingCondition"]["MaxRuntimeInSeconds"] += 1
    assert normalised(other) != normalised(request)


def test_references_of_the_module_are_all_known() -> None:
    """A new reference would otherwise reach the state machine as text, and prove nothing."""
    assert not re.findall(r"\$\{[^}]*module[^}]*\}", json.dumps(block()))
