"""Settings in, terraform/environments/<environment>/main.tf.json out.

    python -m terraform.stacks.synth [--check] [--env ENV ...]
    python -m terraform.stacks.synth --env ENV --workload WORKLOAD ... --out FOLDER

The files are committed, so that Terraform needs neither Python nor Node; --check tells whether they are stale. The
second form writes a part of an environment, with the lock file that belongs to it, into a folder of its own.
Exit codes: 0 fine, 1 stale files, 2 wrong settings.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from terraform.interrupts import run
from terraform.stacks.agreement import disagreements, overlaps
from terraform.stacks.places import MODULES, REPOSITORY
from terraform.stacks.settings import Problem, Settings, SettingsError, load_settings
from terraform.stacks.settings.errors import unknown_name_remedy
from terraform.stacks.specs import Specs, read_specs

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ROOT / "terraform" / "environments"
GENERATED = "main.tf.json"
LOCK = ".terraform.lock.hcl"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; see the module's docstring for exit codes."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if bool(options.workload) != bool(options.out) or (options.out and (options.check or len(options.env or ()) != 1)):
        parser.error("--workload and --out go together, with one --env and without --check")
    try:
        if options.out:
            return _write_part(options.env[0], options.workload, options.out)
        texts = synthesise(load_all(options.env))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    stale = [name for name, text in texts.items() if _current(_target(name)) != text]
    if options.check:
        return _report(stale, len(texts))
    for name in stale:
        write_atomically(_target(name), texts[name])
        print(f"wrote {_shown(_target(name))}")
    print(f"{len(texts)} environments synthesised, {len(stale)} changed")
    return 0


def load_all(only: Sequence[str] | None = None) -> dict[str, Settings]:
    """Read the settings of all environments, or of the named ones, by name.

    Raises
    ------
    SettingsError
        With everything wrong in any of the files, so that one run shows it all.
    """
    # All are read even when one is asked for: whether networks overlap concerns every environment.
    loaded: dict[str, Settings] = {}
    errors: list[SettingsError] = []
    for path in sorted(ENVIRONMENTS.glob("*/settings.yaml")):
        name = path.parent.name
        try:
            loaded[name] = load_settings(path, _shown(path))
            if loaded[name].environment != name:
                problem = Problem("environment", f"the folder's name '{name}'", "correct it", loaded[name].environment)
                raise SettingsError(_shown(path), [problem])
        except SettingsError as error:
            if not only or name in only:
                errors.append(error)
    for name, problem in overlaps(loaded):
        errors.append(SettingsError(_shown(_target(name).with_name("settings.yaml")), [problem]))
    unknown = sorted(set(only or ()) - {path.parent.name for path in ENVIRONMENTS.glob("*/settings.yaml")})
    for name in unknown:
        path = _target(name).with_name("settings.yaml")
        errors.append(SettingsError(_shown(path), [Problem("", "a file", "create it, or name another environment")]))
    if errors:
        raise SettingsError.joined(errors)
    return {name: settings for name, settings in loaded.items() if not only or name in only}


def part(settings: Settings, workloads: Sequence[str]) -> Settings:
    """Keep only some of an environment's workloads.

    Raises
    ------
    SettingsError
        The environment lacks one of them.
    """
    for name in sorted(set(workloads) - set(settings.workloads)):
        remedy = unknown_name_remedy(name, settings.workloads)
        source = _shown(_target(settings.environment).with_name("settings.yaml"))
        raise SettingsError(source, [Problem(f"workloads.{name}", "a workload of this environment", remedy)])
    kept = {name: content for name, content in settings.workloads.items() if name in workloads}
    return settings.model_copy(update={"workloads": kept})


def _write_part(environment: str, workloads: Sequence[str], out: Path) -> int:
    settings = load_all([environment])[environment]
    text = synthesise({environment: part(settings, workloads)})[environment]
    target = out.resolve() / GENERATED
    write_atomically(target, _moved(text, target.parent))
    shutil.copy2(_target(environment).with_name(LOCK), target.parent)
    print(f"wrote {_shown(target)}: {environment} with {', '.join(workloads)}")
    return 0


def _moved(text: str, folder: Path) -> str:
    """Make what is written for an environment's own folder right for another one."""
    repository = Path(os.path.relpath(ROOT, folder)).as_posix()
    text = text.replace(f'"{MODULES}/', f'"{repository}/terraform/modules/')
    return text.replace(REPOSITORY, f"${{path.module}}/{repository}")


def synthesise(environments: Mapping[str, Settings]) -> dict[str, str]:
    """Turn settings into the text of main.tf.json, by environment.

    Raises
    ------
    SettingsError
        When settings ask for a workload or function that does not exist, or Node is missing.
    """
    specs = read_specs(ROOT)
    errors = []
    for name, settings in environments.items():
        problems = list(disagreements(settings, specs))
        if problems:
            errors.append(SettingsError(_shown(_target(name).with_name("settings.yaml")), problems))
    if errors:
        raise SettingsError.joined(errors)
    return _render(environments, specs)


def _render(environments: Mapping[str, Settings], specs: Specs) -> dict[str, str]:
    # Imported late: it starts Node, which a mistake in the settings need not wait for.
    from terraform.stacks.cdk import cdktf  # noqa: PLC0415
    from terraform.stacks.environment import compose  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="slipway-synth-") as scratch:
        app = cdktf.App(outdir=scratch)  # one application, because starting Node takes most of the time
        stacks = {name: compose(app, settings, specs) for name, settings in environments.items()}
        return {name: _stable(cdktf.Testing.synth(stack)) for name, stack in stacks.items()}


def _stable(text: str) -> str:
    """Sort keys and drop the "//" metadata, which names versions of the tools that wrote it."""
    return json.dumps(_without_metadata(json.loads(text)), indent=2, sort_keys=True) + "\n"


def _without_metadata(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_metadata(entry) for key, entry in value.items() if key != "//"}
    if isinstance(value, list):
        return [_without_metadata(entry) for entry in value]
    return value


def write_atomically(path: Path, text: str) -> None:
    """Replace a file as a whole, so that an interrupted run leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def _report(stale: Sequence[str], total: int) -> int:
    if not stale:
        print(f"{total} environments are up to date")
        return 0
    print("stale, the settings, workloads or stacks have changed since:", file=sys.stderr)
    for name in stale:
        print(f"  {_shown(_target(name))}", file=sys.stderr)
    print("refresh with: make synth (python -m terraform.stacks.synth), then commit", file=sys.stderr)
    return 1


def _target(environment: str) -> Path:
    return ENVIRONMENTS / environment / GENERATED


def _shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def _current(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m terraform.stacks.synth",
        description="Turn terraform/environments/*/settings.yaml into main.tf.json beside them.",
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a committed file is stale")
    parser.add_argument("--env", action="append", metavar="ENV", help="only this environment (may be repeated)")
    parser.add_argument("--workload", action="append", metavar="WORKLOAD", help="only this workload (may be repeated)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write there instead")
    return parser


if __name__ == "__main__":
    run(main)
