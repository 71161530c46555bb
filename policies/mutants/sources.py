"""Mutants of the source: a line of the Terraform code or of an environment's file, changed as a person would change it.

The other mutants break a plan that is resolved already; these go the whole way through Terraform, so they prove too
that the resolved plan shows what the code says. All are planned together, one tree of files each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from policies.boundary import account_root
from policies.control import Control
from policies.environments import judged_plans
from policies.mutants.breaking import Outcome, failing
from policies.plan import BOOTSTRAP, Plan, read_plan
from policies.resolve import resolve
from policies.roots import Root, environment_root

ENVIRONMENT = "prod"
MODULES = "terraform/modules"


@dataclass(frozen=True)
class Change:
    """One piece of text for another, and the control that has to tell."""

    control: str
    path: str
    old: str
    new: str
    root: str = ENVIRONMENT


CHANGES = (
    Change(
        "SLIP_S3_TLS",
        f"{MODULES}/bucket/policy.tf",
        '"aws:SecureTransport" = "false"',
        '"aws:SecureTransport" = "true"',
    ),
    Change(
        "SLIP_SF_JOB_ISOLATION",
        f"{MODULES}/training/retrain.asl.json",
        '"EnableNetworkIsolation": true',
        '"EnableNetworkIsolation.$": "$.isolated"',
    ),
    Change(
        "SLIP_SM_MODEL_ISOLATION",
        f"{MODULES}/endpoint/main.tf",
        "enable_network_isolation = true",
        "enable_network_isolation = false",
    ),
    Change(
        "SLIP_NET_PRIVATE_DNS",
        f"{MODULES}/network/endpoints.tf",
        "private_dns_enabled = true",
        "private_dns_enabled = false",
    ),
    Change(
        "SLIP_KMS_ROTATION", f"{MODULES}/keys/main.tf", "enable_key_rotation     = true", "enable_key_rotation = false"
    ),
    Change(
        "SLIP_IAM_TRUST_SOURCE",
        f"{MODULES}/role/main.tf",
        'StringEquals = { "aws:SourceAccount"',
        'StringEqualsIfExists = { "aws:SourceAccount"',
    ),
    Change("SLIP_IAM_DECRYPT", f"{MODULES}/training/iam.tf", '"kms:ViaService"', '"kms:CallerAccount"'),
    Change("SLIP_ECR_IMMUTABLE", f"{MODULES}/training/main.tf", '"IMMUTABLE"', '"MUTABLE"'),
    Change(
        "SLIP_LOG_RETENTION",
        f"terraform/environments/{ENVIRONMENT}/main.tf.json",
        '"log_retention_days": 731',
        '"log_retention_days": 30',
    ),
    Change(
        "SLIP_IAM_ENVELOPE",
        f"{MODULES}/boundary/policy.tf",
        'Null = { "sagemaker:VolumeKmsKey" = "true" }',
        'Null = { "sagemaker:OutputKmsKey" = "true" }',
        root=BOOTSTRAP,
    ),
)


def source_mutants(controls: Sequence[Control]) -> Iterator[Outcome]:
    """What each change made fail that had not failed before. Raises as ``resolve`` does."""
    plain = {ENVIRONMENT: environment_root(ENVIRONMENT), BOOTSTRAP: account_root()}
    roots = [_changed(plain[change.root], change, f"mutant-{number}") for number, change in enumerate(CHANGES)]
    documents = resolve([*plain.values()])
    broken = resolve(roots, keep=False)
    before = {name: failing(plan, controls) for name, plan in judged_plans(documents).items()}
    for change, root in zip(CHANGES, roots, strict=True):
        plan = _plan(change.root, broken[root.name], documents)
        fired = {control for control, _ in failing(plan, controls) - before[change.root]}
        yield Outcome(change.control, f"{change.old} -> {change.new}", change.path, frozenset(fired))


def _changed(root: Root, change: Change, name: str) -> Root:
    return replace(root, name=name, edits={change.path: lambda text: text.replace(change.old, change.new)})


def _plan(name: str, document: dict[str, object], plain: dict[str, dict[str, object]]) -> Plan:
    """The plan of a changed root, judged as the unchanged one is."""
    if name == BOOTSTRAP:
        root = account_root()
        return read_plan(document, BOOTSTRAP, root.account, root.region)
    return judged_plans({name: document, BOOTSTRAP: plain[BOOTSTRAP]})[name]
