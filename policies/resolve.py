"""Fully resolved plans: what Terraform would create, with every document written out. No AWS.

A plan leaves open what only AWS knows: ARNs, ids, and with them each document and state machine that holds one. So
Terraform plans twice. The first plan tells what is open. The second, `terraform test`, is given a stand-in for each of
those values and renders everything that depends on them. What the first plan knows wins, because a resource that is
overridden misses the provider's defaults. Of AWS's interface only STS is needed, for the account; see `policies.sts`.

Half of what a plan costs is reading the provider's schema, once in each process. So all folders are planned together,
each as a child module of one root that is made for it, and the plan is taken apart again.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from policies.graft import ResolveError, graft, part
from policies.roots import Root, environment_root
from policies.standins import overrides
from policies.sts import access_key, answering_sts
from terraform.command import ENVIRONMENTS, ROOT, SCRATCH, TerraformError, run_terraform, terraform_env, terraform_path

AT_ONCE = 6  # each has a provider of its own, of half a gibibyte
CACHE = SCRATCH / "policies"
TEST_FILE = "resolve.tftest.hcl"
RUN = 'run "plan" {\n  command = plan\n}\n'
LOCK = ".terraform.lock.hcl"
MADE_BY = ("resolve.py", "roots.py", "graft.py", "standins.py", "sts.py")  # a cached plan is void when they change

__all__ = ["CACHE", "ResolveError", "offline_env", "render", "resolve", "resolved_plan", "terraform_output"]


def resolved_plan(environment: str) -> dict[str, Any]:
    """The resolved plan of ``environment``; see ``resolve``."""
    return resolve([environment_root(environment)])[environment]


def resolve(roots: Sequence[Root], keep: bool = True) -> dict[str, dict[str, Any]]:
    """Resolved plans by name, as ``terraform show -json`` writes them; each is kept while its sources stay the same.

    Raises ResolveError or TerraformError with the diagnostics.
    """
    salt = b"".join((Path(__file__).parent / name).read_bytes() for name in MADE_BY)
    kept = {root.name: CACHE / f"plan-{root.name}-{root.fingerprint(salt)[:16]}.json" for root in roots}
    wanted = [root for root in roots if not (keep and kept[root.name].is_file())]
    batches = (wanted[start : start + AT_ONCE] for start in range(0, len(wanted), AT_ONCE))
    plans = {name: plan for batch in batches for name, plan in _together(batch).items()}
    if keep:
        for name, document in plans.items():
            CACHE.mkdir(parents=True, exist_ok=True)
            for old in CACHE.glob(f"plan-{name}-*.json"):
                old.unlink(missing_ok=True)
            partial = kept[name].with_suffix(f".{os.getpid()}")
            partial.write_text(json.dumps(document))
            partial.replace(kept[name])
    return {root.name: plans.get(root.name) or json.loads(kept[root.name].read_text()) for root in roots}


def _together(roots: Sequence[Root]) -> dict[str, dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="slipway-resolve-") as made, answering_sts() as endpoint:
        scratch = Path(made)
        calls = {}
        for root in roots:
            folder = root.copy(scratch / "roots" / root.name)
            secrets = {"access_key": access_key(root.account), "secret_key": "none"}
            (folder / "credentials_override.tf.json").write_text(json.dumps({"provider": {"aws": secrets}}))
            calls[root.name] = {"source": f"./{folder.relative_to(scratch)}", **root.inputs}
        (scratch / "main.tf.json").write_text(json.dumps({"module": calls}))
        lock = next(iter(sorted(ENVIRONMENTS.glob(f"*/{LOCK}"))), ROOT / "terraform" / "bootstrap" / LOCK)
        (scratch / LOCK).write_text(lock.read_text())
        env = offline_env(endpoint, scratch / "data")
        run_terraform(["init", "-no-color"], scratch, env)
        whole = _first_plan(scratch, env, [])
        parts = {root.name: part(whole, root.name) for root in roots}
        blocks = (overrides(parts[r.name], r.account, r.region, f"module.{r.name}.") for r in roots)
        rendered = _second_plan(scratch, env, [], "".join(blocks))
        changes = {root.name: _changes(rendered, f"module.{root.name}.") for root in roots}
    return {r.name: graft(parts[r.name], {"resource_changes": changes[r.name]}, r.account, r.region) for r in roots}


def render(folder: Path, env: Mapping[str, str], inputs: list[str], account: str, region: str) -> dict[str, Any]:
    """The resolved plan of an initialised folder; leaves ``plan.tfplan`` and a test file in it."""
    plan = _first_plan(folder, env, inputs)
    return graft(plan, _second_plan(folder, env, inputs, overrides(plan, account, region)), account, region)


def _first_plan(folder: Path, env: Mapping[str, str], inputs: list[str]) -> dict[str, Any]:
    run_terraform(["plan", "-no-color", "-refresh=false", "-out=plan.tfplan", *inputs], folder, env)
    plan: dict[str, Any] = json.loads(terraform_output(["show", "-json", "plan.tfplan"], folder, env))
    return plan


def _second_plan(folder: Path, env: Mapping[str, str], inputs: list[str], blocks: str) -> dict[str, Any]:
    (folder / TEST_FILE).write_text(blocks + RUN)
    rendered: list[dict[str, Any]] = []

    def keep(event: dict[str, Any]) -> None:
        if event.get("type") == "test_plan":
            rendered.append(event["test_plan"])

    run_terraform(["test", "-json", "-verbose", f"-filter={TEST_FILE}", *inputs], folder, env, on_event=keep)
    if len(rendered) != 1:
        raise ResolveError(f"{folder.name}: terraform test gave {len(rendered)} plans instead of one")
    return rendered[0]


def _changes(rendered: Mapping[str, Any], prefix: str) -> list[dict[str, Any]]:
    return [
        change | {"address": change["address"].removeprefix(prefix)}
        for change in rendered["resource_changes"]
        if change["address"].startswith(prefix)
    ]


def offline_env(endpoint: str, data: Path) -> dict[str, str]:
    """Terraform's environment with ``endpoint`` as its only AWS: the user's settings play no part."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    return (
        {"GOGC": "400"}
        | terraform_env(environ)
        | {  # fewer collections: a fifth less CPU
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_ENDPOINT_URL": endpoint,
            "NO_PROXY": "127.0.0.1",
            "TF_DATA_DIR": str(data),
        }
    )


def terraform_output(arguments: list[str], folder: Path, env: Mapping[str, str]) -> str:
    """What a short Terraform command prints; TerraformError with its diagnostics."""
    finished = subprocess.run(
        [terraform_path(), *arguments], cwd=folder, env=dict(env), capture_output=True, text=True, check=False
    )
    if finished.returncode:
        raise TerraformError(f"terraform {arguments[0]} failed:\n{finished.stderr[-2000:]}")
    return finished.stdout
