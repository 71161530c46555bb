"""The resolved plan of ``terraform/bootstrap``: the roles that deploy, and the ceiling over everything they make."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from policies.plan import Plan, read_plan
from policies.resolve import CACHE, offline_env, render
from policies.sts import answering_sts
from terraform.command import ROOT, run_terraform

BOOTSTRAP = "bootstrap"
SOURCES = ("terraform/bootstrap", "terraform/modules", "policies/resolve.py", "rehearsal/prove/bootstrap.py")


def bootstrap_plan(inputs: Mapping[str, Any]) -> Plan:
    """What the bootstrap makes with these values of its variables; kept while its sources stay the same.

    Raises ResolveError or TerraformError with the diagnostics.
    """
    kept = CACHE / f"bootstrap-{_fingerprint(inputs)[:16]}.json"
    if not kept.is_file():
        text = json.dumps(_planned(inputs))
        CACHE.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(f".{os.getpid()}")
        partial.write_text(text)
        partial.replace(kept)
    return read_plan(json.loads(kept.read_text()), BOOTSTRAP, inputs["account_id"], inputs["region"])


def _planned(inputs: Mapping[str, Any]) -> dict[str, Any]:
    account, region = inputs["account_id"], inputs["region"]
    with tempfile.TemporaryDirectory(prefix="slipway-bootstrap-") as scratch, answering_sts(account) as endpoint:
        left_out = shutil.ignore_patterns(".terraform*", "tests")
        for source in ("terraform/bootstrap", "terraform/modules"):
            shutil.copytree(ROOT / source, Path(scratch) / source, ignore=left_out)
        folder = Path(scratch) / "terraform" / "bootstrap"
        (folder / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
        given = folder / "inputs.tfvars.json"
        given.write_text(json.dumps(dict(inputs)))
        env = offline_env(endpoint, Path(scratch) / "data")
        run_terraform(["init", "-no-color"], folder, env)
        return render(folder, env, [f"-var-file={given}"], account, region)


def _fingerprint(inputs: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(dict(inputs), sort_keys=True).encode())
    for source in SOURCES:
        top = ROOT / source
        paths = [top] if top.is_file() else sorted(p for p in top.rglob("*.tf") if ".terraform" not in p.parts)
        for path in paths:
            digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()
