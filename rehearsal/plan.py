"""``make plan ENV=prod REHEARSAL=1``: plan a real environment against an embedded AWS, with no account at all.

The S3 backend, its state bucket and its lock are exercised too; nothing is applied. So that the plan holds the
endpoints, every workload of the environment is planned with a specimen of a promoted model.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rehearsal.aws.client import EmbeddedAws
from rehearsal.run import relative, start_embedded
from terraform.command import ENVIRONMENTS, run_terraform, terraform_env
from terraform.interrupts import held
from terraform.live import models


def plan(environment: str, folder: Path) -> None:
    """Plan ``environment`` and print its summary; raises TerraformError with the diagnostics."""
    source = ENVIRONMENTS / environment
    document = json.loads((source / "main.tf.json").read_text())
    provider = _only(document["provider"]["aws"])
    account, region = provider["allowed_account_ids"][0], provider["region"]
    folder = folder.with_name(f"plan-{environment}")
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="slipway-plan-") as scratch,
        embedded(Path(scratch) / "aws", account, region) as aws,
    ):
        work = Path(scratch)
        env = terraform_env(aws.env()) | {"TF_DATA_DIR": str(work / "data")}
        backend = _make_backend(aws, document["terraform"]["backend"], work)
        run_terraform(["init", "-no-color", "-lockfile=readonly", "-reconfigure", *backend], source, env)
        models.write(work / "models.tfvars.json", specimens(document, account, region))
        counts: Counter[str] = Counter()
        lines: list[str] = []

        def follow(event: dict[str, Any]) -> None:
            if event.get("type") == "planned_change" and event["change"]["action"] != "read":
                counts[event["change"]["resource"]["resource_type"]] += 1
            elif event.get("type") == "change_summary":
                lines.append(event["@message"])

        out = folder / "plan.tfplan"
        arguments = ["plan", "-json", f"-out={out}", f"-var-file={work / 'models.tfvars.json'}"]
        run_terraform(arguments, source, env, on_event=follow)
    for kind, number in sorted(counts.items()):
        print(f"{number:5d}  {kind}")
    print(f"{lines[-1]} (environment {environment}, account {account}, embedded AWS)")
    print(f"plan: {relative(out)}")


def specimens(document: dict[str, Any], account: str, region: str) -> dict[str, Any]:
    """One promoted model per workload that the environment can serve."""
    bucket = document["module"]["models_bucket"]["name"]
    return {
        workload: {
            "version": "1",
            "image": f"{account}.dkr.ecr.{region}.amazonaws.com/specimen-{workload}/serving@sha256:{'0' * 64}",
            "model_data_url": f"s3://{bucket}/{workload}/artifacts/specimen/output/model.tar.gz",
        }
        for workload in sorted(document["output"]["endpoint_names"]["value"])
    }


@contextlib.contextmanager
def embedded(root: Path, account: str, region: str) -> Iterator[EmbeddedAws]:
    """An embedded AWS for the duration of the block."""
    aws: EmbeddedAws | None = None
    try:
        with held():
            aws = start_embedded(root, account_id=account, region=region)
        yield aws
    finally:
        if aws:
            with held():
                aws.stop()


def _make_backend(aws: EmbeddedAws, backend: dict[str, Any], work: Path) -> list[str]:
    """Bring the environment's state bucket into being, and return the arguments for ``terraform init``."""
    (kind, found), *_ = backend.items()
    settings = _only(found)
    if kind == "local":
        return [f"-backend-config=path={work / 'terraform.tfstate'}"]
    place = {} if aws.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": aws.region}}
    aws.client("s3").create_bucket(Bucket=settings["bucket"], **place)
    return ["-backend-config=use_path_style=true"]


def _only(block: Any) -> dict[str, Any]:
    """Terraform's JSON allows a block as an object or as a list of one."""
    only: dict[str, Any] = block[0] if isinstance(block, list) else block
    return only
