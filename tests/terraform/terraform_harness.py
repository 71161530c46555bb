"""Run Terraform over many small configurations, quickly.

Terraform starts the AWS provider, a binary of several hundred megabytes, twice for every ``run`` block of a test: about
0.8 s each time. Here one provider is started in the debug mode that every provider has, and Terraform is told to use it
(``TF_REATTACH_PROVIDERS``): a run block then takes about 0.05 s. Mocked providers need it for its schema only.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from terraform.command import ENVIRONMENTS, ROOT, SCRATCH, TerraformError, terraform_path

MODULES = ROOT / "terraform" / "modules"
WORK = SCRATCH / "tf"
START_S = 60.0

# Ends the provider when standard input closes, which happens however this process ends.
_WATCHED = '"$0" -debug & child=$!; cat > /dev/null; kill "$child"'
_REATTACH = re.compile(r"TF_REATTACH_PROVIDERS='(?P<value>.+)'")
_REQUIREMENT = """terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}
"""
_EXAMPLE_TEST = f"""mock_provider "aws" {{
  source = "{ROOT / "terraform" / "mocks"}"
}}

run "example" {{
  command = plan
}}
"""


def module_folders() -> list[Path]:
    """Every module, whoever wrote it."""
    return sorted(path.parent for path in MODULES.glob("*/versions.tf"))


def terraform(*arguments: str, folder: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run Terraform in ``folder`` and return what it said, whether it succeeded or not."""
    return subprocess.run(
        [terraform_path(), *arguments],
        cwd=folder,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def installed_provider(env: Mapping[str, str]) -> Path:
    """Install the AWS provider once, at the version the environments are locked to, and return its binary."""
    folder = WORK / "provider"
    lock_file = ENVIRONMENTS / "rehearsal" / ".terraform.lock.hcl"
    locked = lock_file.read_text() if lock_file.is_file() else ""
    source = Path(env["TF_CLI_CONFIG_FILE"]).read_text()
    wanted = hashlib.sha256(f"{_REQUIREMENT}{locked}{source}".encode()).hexdigest()
    stamp = folder / "stamp"
    folder.mkdir(parents=True, exist_ok=True)
    with (WORK / "provider.lock").open("w") as lock:
        # Workers of pytest-xdist share the folder, and Terraform's plugin cache bears one writer at a time.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.is_file() or stamp.read_text() != wanted:
            shutil.rmtree(folder)
            folder.mkdir()
            (folder / "versions.tf").write_text(_REQUIREMENT)
            if locked:
                (folder / ".terraform.lock.hcl").write_text(locked)
            finished = terraform("init", "-input=false", "-no-color", folder=folder, env=env)
            if finished.returncode:
                raise TerraformError(f"terraform init could not install the AWS provider:\n{finished.stderr}")
            stamp.write_text(wanted)
    # Counted out, because a mirror's folder is linked and ** does not follow links.
    binaries = sorted(folder.glob(".terraform/providers/*/*/*/*/*/terraform-provider-aws*"))
    if not binaries:
        raise TerraformError(f"terraform init left no AWS provider in {folder}: remove that folder and try again")
    return binaries[0]


@contextlib.contextmanager
def running_provider(env: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Start one provider for all configurations; yields the environment in which Terraform uses it."""
    binary = installed_provider(env)
    process = subprocess.Popen(
        ["sh", "-c", _WATCHED, str(binary)],
        # Its garbage is freed when it ends; collecting it less often halves the time of the tests.
        env={**env, "GOGC": "400"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield {**env, "GOGC": "400", "TF_REATTACH_PROVIDERS": _address(process)}
    finally:
        if process.stdin:
            process.stdin.close()
        process.wait(timeout=START_S)


def _address(process: subprocess.Popen[str]) -> str:
    deadline = time.monotonic() + START_S
    said = []
    for line in process.stdout or ():
        said.append(line)
        if found := _REATTACH.search(line):
            return found["value"]
        if time.monotonic() > deadline:
            break
    raise TerraformError(f"the AWS provider did not start in its debug mode; it said: {''.join(said) or 'nothing'}")


def initialised(folder: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Make ``folder`` ready for Terraform, unless it is; returns the environment with its data folder.

    The data folder lies outside the module, and its name carries the code's checksum: only changed code is
    initialised again.
    """
    code = "".join(path.read_text() for path in sorted(folder.glob("*.tf")))
    data = WORK / "data" / f"{folder.name}-{hashlib.sha256(f'{folder}{code}'.encode()).hexdigest()[:16]}"
    ready = data / "ready"
    mine = {**env, "TF_DATA_DIR": str(data)}
    if not ready.is_file():
        for outdated in data.parent.glob(f"{folder.name}-{'?' * 16}"):
            shutil.rmtree(outdated, ignore_errors=True)
        finished = terraform("init", "-backend=false", "-input=false", "-no-color", folder=folder, env=mine)
        assert finished.returncode == 0, finished.stderr
        data.mkdir(parents=True, exist_ok=True)  # without child modules Terraform has nothing to keep there
        ready.touch()
    return mine


def diagnostics(finished: subprocess.CompletedProcess[str], severity: str = "error") -> str:
    """What ``terraform test -json`` complained about, one paragraph per complaint.

    Without any, what a failing one said last.
    """
    found = []
    for line in finished.stdout.splitlines():
        event = json.loads(line) if line.startswith("{") else {}
        if event.get("type") == "diagnostic" and event["diagnostic"]["severity"] == severity:
            diagnostic = event["diagnostic"]
            where = diagnostic.get("range", {})
            place = f"{where.get('filename', '')}:{where.get('start', {}).get('line', '')}"
            found.append(f"{event.get('@testrun', '')} {place} {diagnostic['summary']}\n  {diagnostic['detail']}")
    last = finished.stdout[-4000:] + finished.stderr[-4000:] if finished.returncode else ""
    return "\n\n".join(found) or last


def planned_resources(folder: Path, env: Mapping[str, str]) -> list[dict[str, Any]]:
    """The resources that the one run of a configuration's test would create. AssertionError when it fails."""
    finished = terraform("test", "-json", "-verbose", folder=folder, env=env)
    assert finished.returncode == 0, diagnostics(finished)
    plans = [json.loads(line) for line in finished.stdout.splitlines() if '"test_plan"' in line]
    changes = [change for event in plans for change in event["test_plan"].get("resource_changes", [])]
    return [change for change in changes if change["mode"] == "managed" and change["change"]["actions"] == ["create"]]


def example_folder(folder: Path, code: str) -> Path:
    """A configuration made from a README's example, with one run that plans it against mocks.

    The example of a module is a call of it from an environment (``../../modules/<name>``); that of a root is the values
    of its variables.
    """
    _link_modules()
    root = folder.parent != MODULES
    example = WORK / folder.name if root else WORK / "examples" / folder.name
    shutil.rmtree(example, ignore_errors=True)
    (example / "tests").mkdir(parents=True)
    (example / "tests" / "example.tftest.hcl").write_text(_EXAMPLE_TEST)
    if root:
        for path in folder.glob("*.tf"):
            shutil.copy(path, example)
        (example / "terraform.tfvars").write_text(code)
    else:
        (example / "versions.tf").write_text(_REQUIREMENT)
        (example / "main.tf").write_text(code)
    return example


def _link_modules() -> None:
    WORK.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        (WORK / "modules").symlink_to(MODULES)
