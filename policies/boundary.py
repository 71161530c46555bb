"""The permissions boundary that an environment's roles carry: the bootstrap makes it, the environments only name it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from policies.plan import Plan, Resource
from policies.resolve import CACHE, ResolveError, offline_env, terraform_output
from policies.sts import answering_sts
from terraform.command import ROOT, run_terraform

SOURCES = ("terraform/bootstrap", "terraform/modules/boundary", "policies/boundary.py")
ADDRESS = "bootstrap.module.boundary.aws_iam_policy.this"
_ACCOUNT = "000000000000"  # stands for any: the document names the account in ARNs and conditions only
_REGION = "eu-west-1"


def with_boundary(plan: Plan) -> Plan:
    """``plan`` and, beside its resources, the boundary of its account. Raises as ``resolved_plan`` does."""
    values = json.loads(_document().replace(_ACCOUNT, plan.account).replace(_REGION, plan.region))
    plan.resources.append(Resource(ADDRESS, "aws_iam_policy", values))
    return plan


def _document() -> str:
    digest = hashlib.sha256()
    for source in SOURCES:
        top = ROOT / source
        for path in [top] if top.is_file() else sorted(top.glob("*.tf")):
            digest.update(path.name.encode() + path.read_bytes())
    kept = CACHE / f"boundary-{digest.hexdigest()[:16]}.json"
    if not kept.is_file():
        text = _planned()
        CACHE.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(f".{os.getpid()}")
        partial.write_text(text)
        partial.replace(kept)
    return kept.read_text()


def _planned() -> str:
    with tempfile.TemporaryDirectory(prefix="slipway-boundary-") as scratch, answering_sts(_ACCOUNT) as endpoint:
        for source in ("terraform/bootstrap", "terraform/modules"):
            shutil.copytree(
                ROOT / source, Path(scratch) / source, ignore=shutil.ignore_patterns(".terraform*", "tests")
            )
        folder = Path(scratch) / "terraform" / "bootstrap"
        (folder / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
        inputs = {
            "account_id": _ACCOUNT,
            "administrators": [f"arn:aws:iam::{_ACCOUNT}:role/administrator"],
            "environments": ["prod"],
            "region": _REGION,
            "repository": "example/slipway",
        }
        (folder / "inputs.auto.tfvars.json").write_text(json.dumps(inputs))
        env = offline_env(endpoint, Path(scratch) / "data")
        run_terraform(["init", "-no-color"], folder, env)
        run_terraform(["plan", "-no-color", "-refresh=false", "-target=module.boundary", "-out=p.tfplan"], folder, env)
        plan = json.loads(terraform_output(["show", "-json", "p.tfplan"], folder, env))
    for change in plan["resource_changes"]:
        if change["address"] == "module.boundary.aws_iam_policy.this":
            return json.dumps(change["change"]["after"])
    raise ResolveError("the bootstrap plans no module.boundary.aws_iam_policy.this")
