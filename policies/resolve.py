"""The fully resolved plan of an environment: what Terraform would create, with every document written out. No AWS.

A plan leaves open what only AWS knows: ARNs, ids, and with them each document and state machine that holds one. So
Terraform plans twice. The first plan tells what is open. The second, `terraform test`, is given a stand-in for each of
those values and renders everything that depends on them. What the first plan knows wins, because a resource that is
overridden misses the provider's defaults. Of AWS's interface only STS is needed, for the account; see `policies.sts`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from policies.sts import answering_sts
from rehearsal.environment import models_file
from rehearsal.plan import specimens
from terraform.command import ENVIRONMENTS, ROOT, SCRATCH, TerraformError, run_terraform, terraform_env, terraform_path

CACHE = SCRATCH / "policies"
SOURCES = ("terraform/modules", "functions/dist", "policies/resolve.py", "policies/sts.py", "rehearsal/plan.py")
TEST_FILE = "resolve.tftest.hcl"

# How AWS writes the ARNs whose form a control looks at; the others follow the provider's name of the service.
_ARNS = {
    "aws_cloudwatch_log_group": "arn:aws:logs:{region}:{account}:log-group:{label}",
    "aws_cloudwatch_metric_alarm": "arn:aws:cloudwatch:{region}:{account}:alarm:{label}",
    "aws_ecr_repository": "arn:aws:ecr:{region}:{account}:repository/{label}",
    "aws_iam_openid_connect_provider": "arn:aws:iam::{account}:oidc-provider/token.actions.githubusercontent.com",
    "aws_iam_policy": "arn:aws:iam::{account}:policy/{label}",
    "aws_iam_role": "arn:aws:iam::{account}:role/{label}",
    "aws_kms_key": "arn:aws:kms:{region}:{account}:key/{label}",
    "aws_lambda_alias": "arn:aws:lambda:{region}:{account}:function:{label}",
    "aws_lambda_function": "arn:aws:lambda:{region}:{account}:function:{label}",
    "aws_s3_bucket": "arn:aws:s3:::{label}",
    "aws_sagemaker_model_package_group": "arn:aws:sagemaker:{region}:{account}:model-package-group/{label}",
    "aws_sfn_state_machine": "arn:aws:states:{region}:{account}:stateMachine:{label}",
    "aws_sns_topic": "arn:aws:sns:{region}:{account}:{label}",
    "aws_sqs_queue": "arn:aws:sqs:{region}:{account}:{label}",
}
_NAMES = ("name", "function_name", "bucket", "queue_name")

# Ids as AWS writes them: the modules refuse what does not look like one.
_IDS = {
    "aws_default_security_group": "sg-",
    "aws_flow_log": "fl-",
    "aws_route_table": "rtb-",
    "aws_security_group": "sg-",
    "aws_subnet": "subnet-",
    "aws_vpc": "vpc-",
    "aws_vpc_endpoint": "vpce-",
}


class ResolveError(Exception):
    """The plan could not be resolved, so nothing can be said about the environment."""


def resolved_plan(environment: str) -> dict[str, Any]:
    """The resolved plan of ``environment`` as ``terraform show -json`` writes it; kept while its sources stay the same.

    Raises ResolveError or TerraformError with the diagnostics.
    """
    if not (ENVIRONMENTS / environment / "main.tf.json").is_file():
        known = ", ".join(sorted(path.parent.name for path in ENVIRONMENTS.glob("*/main.tf.json")))
        raise ResolveError(f"environment: {environment!r} is unknown; choose one of {known}")
    kept = CACHE / f"plan-{environment}-{fingerprint(environment)[:16]}.json"
    if not kept.is_file():
        document = _resolve(environment)
        CACHE.mkdir(parents=True, exist_ok=True)
        for old in CACHE.glob(f"plan-{environment}-*.json"):
            old.unlink()
        partial = kept.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(document))
        partial.replace(kept)
    plan: dict[str, Any] = json.loads(kept.read_text())
    return plan


def fingerprint(environment: str) -> str:
    """A checksum over everything the resolved plan is made of."""
    digest = hashlib.sha256()
    for source in (*SOURCES, f"terraform/environments/{environment}"):
        top = ROOT / source
        for path in [top] if top.is_file() else sorted(p for p in top.rglob("*") if p.is_file()):
            digest.update(f"{path.relative_to(ROOT)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _resolve(environment: str) -> dict[str, Any]:
    document = json.loads((ENVIRONMENTS / environment / "main.tf.json").read_text())
    provider = _only(document["provider"]["aws"])
    account, region = provider["allowed_account_ids"][0], provider["region"]
    with tempfile.TemporaryDirectory(prefix="slipway-resolve-") as scratch, answering_sts(account) as endpoint:
        folder = _copy(environment, Path(scratch))
        env = offline_env(endpoint, Path(scratch) / "data")
        models_file(Path(scratch) / "models.tfvars.json", specimens(document, account, region))
        inputs = [f"-var-file={Path(scratch) / 'models.tfvars.json'}"]
        run_terraform(["init", "-no-color", "-lockfile=readonly"], folder, env)
        return render(folder, env, inputs, account, region)


def render(folder: Path, env: Mapping[str, str], inputs: list[str], account: str, region: str) -> dict[str, Any]:
    """The resolved plan of an initialised folder; leaves ``plan.tfplan`` and a test file in it."""
    run_terraform(["plan", "-no-color", "-refresh=false", "-out=plan.tfplan", *inputs], folder, env)
    plan = json.loads(terraform_output(["show", "-json", "plan.tfplan"], folder, env))
    (folder / TEST_FILE).write_text(overrides(plan, account, region))
    events: list[dict[str, Any]] = []
    test = ["test", "-json", "-verbose", f"-filter={TEST_FILE}", *inputs]
    run_terraform(test, folder, env, on_event=events.append)
    rendered = [event["test_plan"] for event in events if event.get("type") == "test_plan"]
    if len(rendered) != 1:
        raise ResolveError(f"{folder.name}: terraform test gave {len(rendered)} plans instead of one")
    return graft(plan, rendered[0], account, region)


def _copy(environment: str, scratch: Path) -> Path:
    """The environment beside what it refers to, with a state of its own instead of the backend's."""
    for source in ("terraform/modules", "functions/dist", f"terraform/environments/{environment}"):
        shutil.copytree(ROOT / source, scratch / source, ignore=shutil.ignore_patterns(".terraform", "tests"))
    folder = scratch / "terraform" / "environments" / environment
    (folder / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
    return folder


def offline_env(endpoint: str, data: Path) -> dict[str, str]:
    """Terraform's environment with ``endpoint`` as its only AWS: the user's settings play no part."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    return terraform_env(environ) | {
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_ENDPOINT_URL": endpoint,
        "NO_PROXY": "127.0.0.1",
        "TF_DATA_DIR": str(data),
    }


def terraform_output(arguments: list[str], folder: Path, env: Mapping[str, str]) -> str:
    """What a short Terraform command prints; TerraformError with its diagnostics."""
    finished = subprocess.run(
        [terraform_path(), *arguments], cwd=folder, env=dict(env), capture_output=True, text=True, check=False
    )
    if finished.returncode:
        raise TerraformError(f"terraform {arguments[0]} failed:\n{finished.stderr[-2000:]}")
    return finished.stdout


def overrides(plan: Mapping[str, Any], account: str, region: str) -> str:
    """A test file that gives every open attribute of the plan's resources a stand-in."""
    blocks = []
    for change in plan["resource_changes"]:
        kind = "override_data" if change["mode"] == "data" else "override_resource"
        values = stand_ins(change, account, region)
        if not values:
            continue
        lines = "".join(f"    {name} = {json.dumps(value)}\n" for name, value in sorted(values.items()))
        blocks.append(
            f"{kind} {{\n  target = {change['address']}\n  override_during = plan\n  values = {{\n{lines}  }}\n}}\n"
        )
    return "".join(sorted(blocks)) + 'run "plan" {\n  command = plan\n}\n'


def stand_ins(change: Mapping[str, Any], account: str, region: str) -> dict[str, Any]:
    """Deterministic values for the open attributes that something else may refer to, each unlike any other's."""
    after = change["change"].get("after") or {}
    checksum = _checksum(change["address"])
    label = next((str(after[key]) for key in _NAMES if after.get(key)), None)
    label = label or f"{after.get('name_prefix') or change['type'].removeprefix('aws_') + '-'}{checksum}"
    short = _IDS.get(change["type"], f"{change['type'].removeprefix('aws_').replace('_', '-')}-") + checksum
    arn = _ARNS.get(change["type"], f"arn:aws:{change['type'].split('_')[1]}:{{region}}:{{account}}:{short}")
    if change["type"] == "aws_kms_key":
        label = checksum
    if change["type"] == "aws_lambda_alias":
        label = f"{after.get('function_name')}:{after.get('name')}"
    arn = arn.format(account=account, region=region, label=label)
    known = {
        "arn": arn,
        "id": arn if change["type"] in ("aws_sfn_state_machine", "aws_sns_topic") else short,
        "name": label,
        "key_id": checksum,
        "version": "1",
        "repository_url": f"{account}.dkr.ecr.{region}.amazonaws.com/{label}",
        "url": f"https://sqs.{region}.amazonaws.com/{account}/{label}",
        "invoke_arn": f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations",
        "qualified_arn": f"{arn}:1",
        "default_route_table_id": f"rtb-{checksum}",
        "default_security_group_id": f"sg-{checksum}",
        "prefix_list_id": f"pl-{checksum}",
        "unique_id": f"AROA{checksum.upper()}",
        "bucket_regional_domain_name": f"{label}.s3.{region}.amazonaws.com",
        "bucket_domain_name": f"{label}.s3.amazonaws.com",
    }
    unknown = change["change"].get("after_unknown") or {}
    return {name: value for name, value in known.items() if unknown.get(name) is True}


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def graft(plan: dict[str, Any], rendered: Mapping[str, Any], account: str, region: str) -> dict[str, Any]:
    """``plan`` with what ``rendered`` adds to it; ResolveError when the two do not hold the same resources.

    Terraform makes up a random word for what nobody set and nothing refers to; here it stays open (None).
    """
    configured = dict(_configured(plan["configuration"]["root_module"]))
    added = {change["address"]: change["change"] for change in rendered["resource_changes"]}
    for change in plan["resource_changes"]:
        if change["mode"] == "data":
            continue
        new = added.get(change["address"])
        if new is None:
            raise ResolveError(f"{change['address']} is in the plan and not in the rendered one")
        own = change["change"]
        meant = {*stand_ins(change, account, region), *configured.get(_plain(change["address"]), ())}
        own["after_unknown"] = {
            name: unknown for name, unknown in own["after_unknown"].items() if unknown is not True or name in meant
        }
        own["after"] = _fill(own.get("after"), own.get("after_unknown"), new.get("after"))
        own["after_unknown"] = new.get("after_unknown") or {}
    values = {change["address"]: change["change"]["after"] for change in plan["resource_changes"]}
    for resource in _resources(plan["planned_values"]["root_module"]):
        if resource["address"] in values:
            resource["values"] = values[resource["address"]]
    return plan


def _configured(module: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, set[str]]]:
    """Addresses without indexes, and the attributes that the code sets."""
    for resource in module.get("resources", []):
        yield prefix + resource["address"], set(resource.get("expressions", {}))
    for name, call in module.get("module_calls", {}).items():
        yield from _configured(call["module"], f"{prefix}module.{name}.")


def _plain(address: str) -> str:
    return re.sub(r"\[[^\]]*\]", "", address)


def _fill(known: Any, unknown: Any, rendered: Any) -> Any:
    if unknown is True:
        return rendered
    if isinstance(known, dict) and isinstance(unknown, dict):
        keys = {*known, *(key for key, value in unknown.items() if value)}
        other = rendered if isinstance(rendered, dict) else {}
        return {key: _fill(known.get(key), unknown.get(key), other.get(key)) for key in sorted(keys)}
    if isinstance(known, list) and isinstance(unknown, list):
        other_list = rendered if isinstance(rendered, list) else []
        longer = max(len(known), len(unknown))
        padded = [(part[i] if i < len(part) else None) for part in (known, unknown, other_list) for i in range(longer)]
        return [_fill(padded[i], padded[longer + i], padded[2 * longer + i]) for i in range(longer)]
    return known


def _resources(module: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _resources(child)


def _only(block: Any) -> dict[str, Any]:
    only: dict[str, Any] = block[0] if isinstance(block, list) else block
    return only
