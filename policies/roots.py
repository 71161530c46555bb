"""Folders of Terraform that can be resolved: the environments, the bootstrap of an account, and any other folder."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from policies.graft import ResolveError
from policies.plan import BOOTSTRAP
from rehearsal.plan import specimens
from terraform.command import ENVIRONMENTS, ROOT

SHARED = ("terraform/modules", "functions/dist")
_LEFT_OUT = shutil.ignore_patterns(".terraform", "tests", "*.tfstate*", "*.auto.tfvars*", "terraform.tfvars*")
_NO_PART = {"tests", ".terraform"}


@dataclass(frozen=True)
class Root:
    """A folder that Terraform can plan, with all it needs.

    Attributes
    ----------
    name
        Letters, digits, dashes; unique among those that are resolved together.
    folder
        Where it lies, from ``top``.
    inputs
        Values of its variables.
    top, parts
        What is copied: ``parts`` of the tree below ``top``.
    edits
        Changes to the text of copied files, by their path from ``top``.
    """

    name: str
    folder: str
    account: str
    region: str
    inputs: Mapping[str, Any]
    top: Path = ROOT
    parts: tuple[str, ...] = SHARED
    edits: Mapping[str, Callable[[str], str]] = field(default_factory=dict)

    def copy(self, target: Path) -> Path:
        """Copy it below ``target`` and return the folder there; ResolveError for an edit that changes nothing."""
        for part in dict.fromkeys((*self.parts, self.folder)):
            shutil.copytree(self.top / part, target / part, ignore=_LEFT_OUT, dirs_exist_ok=True)
        for name, edit in self.edits.items():
            before = (target / name).read_text()
            after = edit(before)
            if after == before:
                raise ResolveError(f"{self.name}: the edit of {name} changes nothing")
            (target / name).write_text(after)
        return target / self.folder

    def fingerprint(self, salt: bytes) -> str:
        """A checksum over everything its plan is made of."""
        digest = hashlib.sha256(salt)
        digest.update(json.dumps([self.account, self.region, self.inputs], sort_keys=True).encode())
        for part in dict.fromkeys((*self.parts, self.folder)):
            for path in sorted(p for p in (self.top / part).rglob("*") if p.is_file()):
                if not _NO_PART & set(path.parts) and path.suffix not in (".md", ".py"):
                    name = path.relative_to(self.top).as_posix()
                    edit = self.edits.get(name)
                    content = edit(path.read_text()).encode() if edit else path.read_bytes()
                    digest.update(f"{name}\0".encode() + hashlib.sha256(content).digest())
        return digest.hexdigest()


def environment_names() -> list[str]:
    """All environments of the repository, production first: it is what matters."""
    return sorted((p.parent.name for p in ENVIRONMENTS.glob("*/main.tf.json")), key=lambda name: (name != "prod", name))


def part_root(name: str, text: str) -> Root:
    """An environment with ``text`` in place of its main.tf.json: that of a part of its workloads."""
    whole = environment_root(name)
    document = json.loads(text)
    inputs = {"models": specimens(document, whole.account, whole.region)}
    if document == json.loads((ROOT / whole.folder / "main.tf.json").read_text()):
        return whole
    return replace(whole, inputs=inputs, edits={f"{whole.folder}/main.tf.json": lambda _: text})


def environment_root(name: str) -> Root:
    """An environment, with a specimen of a promoted model for each of its workloads; ResolveError if unknown."""
    path = ENVIRONMENTS / name / "main.tf.json"
    if not path.is_file():
        raise ResolveError(f"environment: {name!r} is unknown; choose one of {', '.join(sorted(environment_names()))}")
    document = json.loads(path.read_text())
    provider = only(document["provider"]["aws"])
    account, region = provider["allowed_account_ids"][0], provider["region"]
    inputs = {"models": specimens(document, account, region)}
    return Root(name, f"terraform/environments/{name}", account, region, inputs)


def bootstrap_root(account: str, region: str, environments: list[str], name: str = BOOTSTRAP) -> Root:
    """What is applied once in an account that holds these environments."""
    inputs = {
        "account_id": account,
        "administrators": [f"arn:aws:iam::{account}:role/slipway-administrator"],
        "environments": environments,
        "region": region,
        "repository": "example/slipway",
    }
    return Root(name, "terraform/bootstrap", account, region, inputs, parts=("terraform/modules",))


def folder_root(folder: Path, account: str, region: str) -> Root:
    """Any folder of Terraform; within this repository it may use the modules, and its own tfvars are left out."""
    folder = folder.resolve()
    if not folder.is_dir():
        raise ResolveError(f"{folder} is no folder")
    if folder.is_relative_to(ROOT):
        return Root("folder", str(folder.relative_to(ROOT)), account, region, {}, parts=("terraform/modules",))
    return Root("folder", folder.name, account, region, {}, top=folder.parent, parts=())


def only(block: Any) -> dict[str, Any]:
    """A block that Terraform's JSON writes as itself or as a list of one."""
    found: dict[str, Any] = block[0] if isinstance(block, list) else block
    return found
