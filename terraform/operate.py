"""``make plan | apply | live | rollback | destroy ENV=...``: Terraform over a real environment, and what came of it.

Whatever changes anything goes through a saved plan. The same can be done by hand, without Python and without the look:
``cd terraform/environments/ENV && terraform init && terraform apply``.

Exit codes: 0 done, and live as it should be; 1 Terraform failed or nothing was changed; 2 bad usage; 3 what is live is
not what was applied; 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from terraform.command import (
    ENVIRONMENTS,
    ROOT,
    SCRATCH,
    TerraformError,
    read_terraform,
    show_terraform,
    terraform_env,
)
from terraform.interrupts import catch
from terraform.live import change, models, place, rollback
from terraform.live.ledger import entries
from terraform.live.scale_in import ScaleInError
from terraform.live.verify import NotLiveError
from terraform.stacks.settings import SettingsError

NOT_REAL = {"rehearsal"}
DONE, FAILED, BAD_USAGE, NOT_LIVE, INTERRUPTED = 0, 1, 2, 3, 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command; see the module's docstring for exit codes."""
    chosen = parser().parse_args(arguments)
    known = sorted(path.parent.name for path in ENVIRONMENTS.glob("*/settings.yaml"))
    real = [name for name in known if name not in NOT_REAL]
    if chosen.environment not in real:
        print(f"ENV: got {chosen.environment!r}; expected one of: {', '.join(real)}", file=sys.stderr)
        if chosen.environment in NOT_REAL:
            print("the rehearsal environment lives on the embedded AWS only: make rehearse", file=sys.stderr)
        return BAD_USAGE
    try:
        operate(chosen.command, chosen.environment, workload=chosen.workload, version=chosen.to)
    except NotLiveError as error:
        print(error, file=sys.stderr)
        return NOT_LIVE
    except foreseen() as error:
        print("\n".join([str(error), *getattr(error, "__notes__", [])]), file=sys.stderr)
        return FAILED
    except KeyboardInterrupt as interrupt:
        told = getattr(interrupt, "__notes__", None) or ["nothing was changed"]
        print("\n  ".join(["interrupted:", *told]), file=sys.stderr)
        return INTERRUPTED
    return DONE


def foreseen() -> tuple[type[Exception], ...]:
    """What may go wrong without a defect of this program."""
    return (TerraformError, ScaleInError, SettingsError, *place.aws_errors())


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="python -m terraform.operate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("command", choices=("plan", "apply", "live", "rollback", "destroy"))
    top.add_argument("environment")
    top.add_argument("--workload", default="vehicles", help="whose model rollback takes back (default: %(default)s)")
    top.add_argument("--to", default="", metavar="VERSION", help="go back to this version instead of the last good one")
    return top


@dataclass(frozen=True)
class Tool:
    """Terraform in one environment's folder: what its saved plan is called, and the variables it runs with."""

    environment: str
    folder: Path
    env: Mapping[str, str]
    plan: Path

    def show(self, *arguments: str) -> None:
        show_terraform(list(arguments), self.folder, self.env)

    def read(self, *arguments: str) -> dict[str, object]:
        document: dict[str, object] = json.loads(read_terraform(arguments, self.folder, self.env))
        return document


def operate(command: str, environment: str, *, workload: str = "vehicles", version: str = "") -> None:
    """Carry out one command."""
    scratch, env = SCRATCH / "environments", terraform_env()
    scratch.mkdir(parents=True, exist_ok=True)
    env["TF_DATA_DIR"] = str(scratch / environment)
    tool = Tool(environment, ENVIRONMENTS / environment, env, scratch / f"{environment}.tfplan")
    tool.show("init", "-lockfile=readonly")
    if command == "destroy":
        with planned(tool, ["-destroy"]):
            confirm(command, environment)
            with told("Terraform has ended; above it says whether its state is complete"):
                tool.show("apply", str(tool.plan))
        return
    here = place.of(environment, tool.folder, lambda: tool.read("show", "-json"))
    if command == "live":
        print(f"live: {change.verified(here)}")
        return
    before, after, loud = models.read(here.models), models.read(here.models), dict[str, str]()
    if command == "rollback":
        after |= {workload: way_back(here, workload, version)}
        loud = change.loud(here, workload)
    sizes = change.fleet_sizes(here)
    arguments = [*change.arguments(here, sizes, loud), *other_models(tool, before, after)]
    with planned(tool, arguments, keep=command == "plan"):
        if command == "plan":
            print(f"plan saved: {tool.plan.relative_to(ROOT)}")
            return
        confirm(command, environment)
        with change.guarded(here):
            change.demand_same_size(here, sizes)
            change.demand_silence(here, tool.read("show", "-json", str(tool.plan)))
            carry_out(tool, here, before, after)
        if loud:
            print(f"this rollout was not watched: `make apply ENV={environment}` repeats it, watched")


def carry_out(tool: Tool, here: change.Place, before: models.Models, after: models.Models) -> None:
    """Apply the saved plan, verify what is live, and write that down."""
    file = shown(here.models)
    if after != before:
        models.write(here.models, after)
    names = f"; {file} names the models that it was to bring" if after != before else ""
    left = {name: before[name] for name in before if not models.same(before[name], after.get(name))}

    def apply() -> None:
        with told(f"Terraform has ended; above it says whether its state is complete{names}"):
            tool.show("apply", str(tool.plan))

    with told(f"what is live was not verified: `make live ENV={tool.environment}` does it"):
        print(f"live: {change.applied(here, apply, left)}")
    if after != before:
        print(f"commit {file}, or the next apply from elsewhere undoes this")


def way_back(here: change.Place, workload: str, version: str) -> dict[str, object]:
    """The model to go back to, shown to the person; RefusedError when there is none or it may not serve."""
    if workload not in here.endpoints:
        known = ", ".join(sorted(here.endpoints))
        raise rollback.RefusedError(
            f"nothing was changed: WORKLOAD={workload!r} is not one of this environment: {known}"
        )
    present = models.read(here.models)
    chosen = rollback.choose(entries(here.ledger), workload, present.get(workload), version)
    rollback.demand_usable(chosen, here.session)
    again = rollback.promoted_again(chosen)
    print(models.diff(present, present | {workload: again}, shown(here.models)))
    return again


def other_models(tool: Tool, before: models.Models, after: models.Models) -> list[str]:
    """Arguments that plan with other models than the file's, which is rewritten only once the plan is confirmed."""
    if before == after:
        return []
    path = tool.plan.with_suffix(".tfvars.json")
    models.write(path, after)
    return [f"-var-file={path}"]


@contextmanager
def planned(tool: Tool, arguments: Sequence[str], *, keep: bool = False) -> Iterator[None]:
    """Save a plan and show it; it is gone after the block, unless it is to be kept."""
    tool.plan.unlink(missing_ok=True)
    tool.show("plan", f"-out={tool.plan}", *arguments)
    try:
        yield
    finally:
        if not keep:
            tool.plan.unlink(missing_ok=True)


@contextmanager
def told(text: str) -> Iterator[None]:
    """Give an interrupt in this block a note about what it leaves behind."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(text)
        raise


def shown(path: Path) -> str:
    """A path as a person in the repository's root would write it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def confirm(command: str, environment: str) -> None:
    """Ask for the environment's name; CONFIRM=<name> answers for a machine that has nobody to ask."""
    answer = os.environ.get("CONFIRM")
    if answer is None and sys.stdin.isatty():
        try:
            answer = input(f"Type {environment!r} to {command} this plan: ").strip()
        except EOFError:
            print()
    if answer != environment:
        raise TerraformError(
            f"nothing was changed: {command} {environment} was not confirmed (got {answer!r}); type the environment's "
            f"name, or set CONFIRM={environment} where nobody can type"
        )


if __name__ == "__main__":
    catch()
    sys.exit(main())
