"""Run Terraform: where its provider comes from, its environment, its progress.

The AWS provider comes from the registry or, where that is out of reach, from a filesystem mirror: any folder that holds
``registry.terraform.io/hashicorp/aws``, looked for in ``TF_PLUGIN_DIR``, in the folders that Terraform documents for
its implied mirrors, and one level below ``/opt``.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from terraform.interrupts import child

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / "terraform" / "environments"
SCRATCH = ROOT / ".slipway"
PROVIDER = Path("registry.terraform.io/hashicorp/aws")
REGISTRY = "https://registry.terraform.io/.well-known/terraform.json"
GRACE_S = 60


class TerraformError(Exception):
    """Terraform is missing, has no provider, or failed; the message carries its own diagnostics."""


def terraform_path() -> str:
    """The terraform on PATH (set-up puts a stand-in there where the machine has none)."""
    path = shutil.which("terraform", path=os.pathsep.join([str(ROOT / ".venv" / "bin"), os.environ.get("PATH", "")]))
    if path is None:
        raise TerraformError("terraform is not on PATH and .venv has no stand-in: run `make setup`")
    return path


def mirror_folders() -> Iterator[Path]:
    """Folders that may be a mirror, the explicit one first."""
    if explicit := os.environ.get("TF_PLUGIN_DIR"):
        yield Path(explicit)
    home = Path.home()
    data_home = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    data_dirs = os.environ.get("XDG_DATA_DIRS") or f"/usr/local/share{os.pathsep}/usr/share"
    yield home / ".terraform.d" / "plugins"
    yield home / "Library" / "Application Support" / "io.terraform" / "plugins"
    for folder in [data_home, *map(Path, data_dirs.split(os.pathsep))]:
        yield folder / "terraform" / "plugins"
    opt = Path("/opt")
    if opt.is_dir():
        yield from sorted(folder for folder in opt.iterdir() if folder.is_dir())


def find_mirror() -> Path | None:
    """The first folder that holds the AWS provider; TerraformError when TF_PLUGIN_DIR names one that does not."""
    explicit = os.environ.get("TF_PLUGIN_DIR")
    found = next((folder for folder in mirror_folders() if (folder / PROVIDER).is_dir()), None)
    if explicit and found != Path(explicit):
        raise TerraformError(f"TF_PLUGIN_DIR: {explicit!r} holds no {PROVIDER}; name a folder that does, or unset it")
    return found


def registry_answers(timeout_s: float = 5.0) -> bool:
    """Whether the public registry can be reached from here."""
    try:
        with urllib.request.urlopen(REGISTRY, timeout=timeout_s) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def own_cli_config() -> Path | None:
    """A command-line configuration that the user already has: it may name their company's mirror, and it wins.

    It wins over TF_PLUGIN_DIR only where it was named too. One that was named and is not there counts as none:
    Terraform itself only warns of it, and container images name files that nobody has made.
    """
    if (named := os.environ.get("TF_CLI_CONFIG_FILE")) and Path(named).is_file():
        return Path(named).resolve()
    path = Path.home() / ".terraformrc"
    return path if path.is_file() and not os.environ.get("TF_PLUGIN_DIR") else None


def terraform_env(base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for Terraform: the given variables (default: this process's) plus where plugins come from.

    Raises TerraformError, naming both remedies, when neither a mirror nor the registry is there.
    """
    env = dict(os.environ if base is None else base)
    env.update(TF_IN_AUTOMATION="1", TF_INPUT="0", CHECKPOINT_DISABLE="1")
    if own := own_cli_config():
        return env | {"TF_CLI_CONFIG_FILE": str(own)}
    mirror = find_mirror()
    SCRATCH.mkdir(exist_ok=True)
    if mirror is None:
        if not registry_answers():
            raise TerraformError(
                "the AWS provider is out of reach: registry.terraform.io does not answer, and no filesystem mirror was "
                f"found. Open the way to the registry, or name a folder that holds {PROVIDER} in TF_PLUGIN_DIR "
                "(`terraform providers mirror FOLDER` makes one)"
            )
        cache = SCRATCH / "plugins"
        cache.mkdir(exist_ok=True)
        text = f"plugin_cache_dir = {json.dumps(str(cache))}\n"
    else:
        text = (
            "provider_installation {\n  filesystem_mirror {\n"
            f"    path    = {json.dumps(str(mirror))}\n"
            '    include = ["registry.terraform.io/hashicorp/aws"]\n  }\n'
            '  direct {\n    exclude = ["registry.terraform.io/hashicorp/aws"]\n  }\n}\n'
        )
    config = SCRATCH / "terraform.rc"
    if not config.is_file() or config.read_text() != text:
        partial = config.with_suffix(f".{os.getpid()}")
        partial.write_text(text)
        partial.replace(config)
    return env | {"TF_CLI_CONFIG_FILE": str(config)}


def run_terraform(
    arguments: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    *,
    on_event: Callable[[dict[str, Any]], None] | None = None,
    accept: Sequence[int] = (0,),
) -> int:
    """Run one Terraform command in ``folder`` and return its exit code.

    With ``-json`` among the arguments each event is handed to ``on_event``. An interrupt is passed on once, so that
    Terraform can finish what it began and write its state. Raises TerraformError with the diagnostics for an exit code
    outside ``accept``.
    """
    tail: deque[str] = deque(maxlen=40)
    problems: list[str] = []
    pipe: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with child([terraform_path(), *arguments], patience_s=GRACE_S, cwd=folder, env=dict(env), **pipe) as process:
        try:
            for line in process.stdout or ():
                event = _event(line)
                if event is None:
                    tail.append(line.rstrip())
                    continue
                if event.get("@level") == "error":
                    problems.append(_problem(event))
                if on_event:
                    on_event(event)
            code = process.wait()
        except KeyboardInterrupt:
            print(
                "\ninterrupted: Terraform ends what it has begun and writes its state; again: at once", file=sys.stderr
            )
            raise
    if code not in accept:
        raise TerraformError(f"terraform {arguments[0]} ended with exit code {code}:\n" + "\n".join(problems or tail))
    return code


def show_terraform(arguments: Sequence[str], folder: Path, env: Mapping[str, str]) -> None:
    """Run one Terraform command with its output on this terminal; TerraformError when it fails.

    An interrupt is passed on once, and then there is no hurry: a real resource can take many minutes to be made, and a
    Terraform that is cut short does not know what it has made. A second interrupt is passed on as well.
    """
    with child([terraform_path(), *arguments], patience_s=math.inf, cwd=folder, env=dict(env)) as process:
        code = process.wait()
    if code:
        raise TerraformError(f"terraform {arguments[0]} ended with exit code {code} (see above)")


def read_terraform(arguments: Sequence[str], folder: Path, env: Mapping[str, str]) -> str:
    """What one Terraform command prints; TerraformError with its complaint when it fails."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with child([terraform_path(), *arguments], patience_s=GRACE_S, cwd=folder, env=dict(env), **pipes) as process:
        said, complaint = process.communicate()
    if process.returncode:
        raise TerraformError(f"terraform {arguments[0]} ended with exit code {process.returncode}:\n{complaint}")
    return said


def _event(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def _problem(event: dict[str, Any]) -> str:
    diagnostic = event.get("diagnostic") or {}
    where = diagnostic.get("address") or (diagnostic.get("range") or {}).get("filename") or ""
    text = [diagnostic.get("summary") or event.get("@message", ""), where, diagnostic.get("detail", "")]
    return "\n  ".join(part for part in text if part)
