"""A small Terraform root: the environment's own endpoint and function, on a ground that is made in a second.

The module blocks are those of ``terraform/environments/rehearsal/main.tf.json``. What they refer to (network, buckets,
keys, topic) is made by the account's owner beforehand, so that an apply takes seconds instead of minutes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rehearsal.actors import Actor, actor
from rehearsal.drill.artefacts import archive
from rehearsal.environment import STATE_BUCKET, Environment
from rehearsal.run import ACCOUNT, REGION, Options, Run, now, start_embedded, write_text
from terraform.command import ENVIRONMENTS, ROOT

REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
SOURCE = ENVIRONMENTS / "rehearsal"
MODULES = ("vehicles_endpoint", "vehicles_classify_image")
NAME, WORKLOAD = "slipway-rehearsal", "vehicles"


class SmallRoot(Environment):
    """An `Environment` that holds the endpoint, one function, and nothing else."""

    def __init__(self, run: Run) -> None:
        super().__init__(run, run.path("code/environments/drill"))

    def prepare(self) -> None:
        """Make the ground, and write the root that stands on it."""
        values = ground(self.run)
        code = json.loads((SOURCE / "main.tf.json").read_text())
        written = {
            "module": {name: _on(values, code["module"][name]) for name in MODULES},
            "output": {"endpoint_names": code["output"]["endpoint_names"]},
            **{part: code[part] for part in ("provider", "terraform", "variable")},
        }
        write_text(self.folder / "main.tf.json", json.dumps(written, indent=1))
        shutil.copy(SOURCE / ".terraform.lock.hcl", self.folder)
        (self.folder.parents[1] / "modules").symlink_to(ROOT / "terraform" / "modules")


def begin(folder: Path, *, speed: float) -> Run:
    """An embedded AWS of its own, whose owner plays every part: who may do what is the whole rehearsal's matter."""
    run = Run(folder, Options(speed=speed))
    run.aws = start_embedded(run.aws_root, account_id=ACCOUNT, region=REGION, speed=speed)
    owner = actor(run, "owner").credentials
    run.sessions.update(dict.fromkeys(("deploy", "plan", "operator", "approver"), owner))
    return run


def ground(run: Run) -> dict[str, str]:
    """What the modules refer to: the reference as it is written in the environment, and what it stands for here."""
    owner = actor(run, "owner")
    ec2, kms, s3 = owner.client("ec2"), owner.client("kms"), owner.client("s3")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnets = []
    for number, zone in enumerate("ab"):
        place = {"CidrBlock": f"10.9.{number}.0/24", "AvailabilityZone": f"{REGION}{zone}"}
        subnets.append(ec2.create_subnet(VpcId=vpc, **place)["Subnet"]["SubnetId"])
    group = ec2.create_security_group(VpcId=vpc, GroupName=NAME, Description="Clients of the drill")["GroupId"]
    values: dict[str, Any] = {"module.network.subnet_ids": subnets}
    values |= {f'module.network.client_security_group_ids["{kind}"]': group for kind in ("endpoint", "functions")}
    for purpose in ("data", "logs", "messages", "model"):
        values[f'module.keys.arns["{purpose}"]'] = kms.create_key()["KeyMetadata"]["Arn"]
    for bucket in (bucket_of("data"), bucket_of("models"), STATE_BUCKET):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for purpose in ("data", "models"):
        name = bucket_of(purpose)
        values |= {f"module.{purpose}_bucket.name": name, f"module.{purpose}_bucket.arn": f"arn:aws:s3:::{name}"}
    owner.client("sagemaker").create_model_package_group(ModelPackageGroupName=f"{NAME}-{WORKLOAD}")
    values["module.alerts.topic_arn"] = owner.client("sns").create_topic(Name=f"{NAME}-alerts")["TopicArn"]
    return {f"${{{reference}}}": value for reference, value in values.items()}


def share() -> float:
    """The canary's part of the traffic, as the environment's rollout has it."""
    code = json.loads((SOURCE / "main.tf.json").read_text())
    return float(code["module"][MODULES[0]]["rollout"]["step_percent"]) / 100


def bucket_of(purpose: str) -> str:
    return f"{NAME}-{ACCOUNT}-{purpose}"


def publish(run: Run, version: str, *, good: bool) -> dict[str, Any]:
    """Put a model where training would have left it, have it approved, and return its entry for the promoted models."""
    owner, content = actor(run, "owner"), archive(WORKLOAD, version, good=good)
    key = f"{WORKLOAD}/artifacts/drill-{version}/output/model.tar.gz"
    url, image = f"s3://{bucket_of('models')}/{key}", f"{REGISTRY}/{NAME}-{WORKLOAD}/serving@sha256:{'0' * 64}"
    with unwalled(owner, bucket_of("models")) as s3:
        etag = s3.put_object(Bucket=bucket_of("models"), Key=key, Body=content)["ETag"].strip('"')
    package = owner.client("sagemaker").create_model_package(
        ModelPackageGroupName=f"{NAME}-{WORKLOAD}",
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [{"Image": image, "ModelDataUrl": url}],
            "SupportedContentTypes": ["image/png"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )["ModelPackageArn"]
    return {
        "version": version,
        "image": image,
        "model_data_url": url,
        "model_package_arn": package,
        "promoted": now(),
        "sha256": hashlib.sha256(content).hexdigest(),
        "etag": etag,
    }


@contextmanager
def unwalled(owner: Actor, bucket: str) -> Iterator[Any]:
    """Take a bucket's policy off for a moment, as an owner can: it lets nobody write models but a training job."""
    s3 = owner.client("s3")
    try:
        policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    except s3.exceptions.ClientError:
        policy = ""
    try:
        if policy:
            s3.delete_bucket_policy(Bucket=bucket)
        yield s3
    finally:
        if policy:
            s3.put_bucket_policy(Bucket=bucket, Policy=policy)


def _on(values: Mapping[str, Any], block: Any) -> Any:
    """A module block with its references replaced; archives of code lie where the repository has them."""
    if isinstance(block, dict):
        return {name: _on(values, part) for name, part in block.items()}
    if isinstance(block, list):
        return [_on(values, part) for part in block]
    if not isinstance(block, str):
        return block
    if block in values:
        return values[block]
    for reference, value in values.items():
        if isinstance(value, str):
            block = block.replace(reference, value)
    return block.replace("${path.module}/../../..", str(ROOT))
