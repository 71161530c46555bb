"""The account around the rehearsal environment: ``terraform/bootstrap``, applied by the account's owner as for real."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator
from typing import Any

from rehearsal.actors import REPOSITORY, actor
from rehearsal.configuration import PARALLELISM, Applied, Configuration
from rehearsal.run import ACCOUNT, REGION, Run, write_text
from terraform.command import GRACE_S, ROOT, TerraformError, terraform_path
from terraform.interrupts import child

ROLES = ("aws_iam_role_policy_attachment.ci", "module.boundary")
NOT_COPIED = shutil.ignore_patterns(".terraform", "backend.tf", "tests", "*.tfstate*", "*.tfvars*")
BUCKETS = (f"slipway-{ACCOUNT}-state", f"slipway-{ACCOUNT}-state-logs")
INPUTS = {
    "account_id": ACCOUNT,
    "administrators": [f"arn:aws:iam::{ACCOUNT}:role/slipway-administrator"],
    "disposable_environments": ["rehearsal"],
    "environments": ["rehearsal"],
    "region": REGION,
    "repository": REPOSITORY,
}


class Bootstrap(Configuration):
    """A copy of the committed code: a person's own backend and state may lie in the folder itself."""

    def __init__(self, run: Run) -> None:
        super().__init__(run, run.path("account") / "bootstrap", run.path("terraform") / "bootstrap.tfstate")

    def apply_roles(self, note: Callable[[str], None]) -> Applied:
        """Make what the pipeline acts with: its roles and the boundary. The rest can come meanwhile, see `rest`."""
        self._copy()
        self.init("owner")
        return self.change("owner", ["apply", *(f"-target={address}" for address in ROLES)], note)

    @contextlib.contextmanager
    def rest(self) -> Iterator[None]:
        """Apply everything beside what the block does: the provider asks for 55 s whether a bucket is settled."""
        command = [terraform_path(), "apply", "-auto-approve", "-no-color", f"-parallelism={PARALLELISM}"]
        log = self.state.with_suffix(".log")
        with log.open("w") as said:
            output: dict[str, Any] = {"stdout": said, "stderr": said}
            with child(command, patience_s=GRACE_S, cwd=self.folder, env=self.env("owner"), **output) as process:
                yield
                code = process.wait()
        if code:
            raise TerraformError(f"terraform apply of the bootstrap ended with exit code {code}:\n{log.read_text()}")

    def destroy(self, note: Callable[[str], None]) -> Applied:
        """Take it down, by the code that it was applied with."""
        self._empty()
        self.init("owner")
        return self.change("owner", ["destroy"], note)

    def _empty(self) -> None:
        """Empty the state's buckets, as an owner has to first: their policies let nobody at what is in them."""
        s3 = actor(self.run, "owner").client("s3")
        known = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
        for bucket in (name for name in BUCKETS if name in known):
            s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})  # or what follows would fill the other
            s3.delete_bucket_policy(Bucket=bucket)
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                for item in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                    s3.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])

    def _copy(self) -> None:
        for name in ("bootstrap", "modules"):
            target = self.folder.with_name(name)
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(ROOT / "terraform" / name, target, ignore=NOT_COPIED)
        write_text(self.folder / "backend_override.tf", 'terraform {\n  backend "local" {}\n}\n')
        write_text(self.folder / "account.auto.tfvars.json", json.dumps(INPUTS, indent=1) + "\n")
