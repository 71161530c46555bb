"""``make plan | apply | destroy ENV=...``: Terraform over a real environment, always through a saved plan.

The same can be done by hand, without Python: ``cd terraform/environments/ENV && terraform init && terraform apply``.
"""

from __future__ import annotations

import argparse
import os
import sys

from terraform.command import ENVIRONMENTS, ROOT, SCRATCH, TerraformError, show_terraform, terraform_env
from terraform.interrupts import catch

NOT_REAL = {"rehearsal"}
FAILED, BAD_USAGE, INTERRUPTED = 1, 2, 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns 0 on success, 1 when Terraform fails, 2 for bad usage, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="python -m terraform.operate", description=__doc__)
    parser.add_argument("command", choices=("plan", "apply", "destroy"))
    parser.add_argument("environment")
    chosen = parser.parse_args(arguments)
    known = sorted(path.parent.name for path in ENVIRONMENTS.glob("*/settings.yaml"))
    real = [name for name in known if name not in NOT_REAL]
    if chosen.environment not in real:
        print(f"ENV: got {chosen.environment!r}; expected one of: {', '.join(real)}", file=sys.stderr)
        if chosen.environment in NOT_REAL:
            print("the rehearsal environment lives on the embedded AWS only: make rehearse", file=sys.stderr)
        return BAD_USAGE
    try:
        operate(chosen.command, chosen.environment)
    except TerraformError as error:
        print(error, file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("interrupted; terraform has ended (above it says whether its state is complete)", file=sys.stderr)
        return INTERRUPTED
    return 0


def operate(command: str, environment: str) -> None:
    """Plan into a file; for apply and destroy show that plan, ask, and apply exactly it."""
    folder, env = ENVIRONMENTS / environment, terraform_env()
    env["TF_DATA_DIR"] = str(SCRATCH / "environments" / environment)
    plan = SCRATCH / "environments" / f"{environment}.tfplan"
    plan.parent.mkdir(parents=True, exist_ok=True)
    plan.unlink(missing_ok=True)
    show_terraform(["init", "-lockfile=readonly"], folder, env)
    show_terraform(["plan", f"-out={plan}", *(["-destroy"] if command == "destroy" else [])], folder, env)
    if command == "plan":
        print(f"plan saved: {plan.relative_to(ROOT)}")
        return
    try:
        confirm(command, environment)
        show_terraform(["apply", str(plan)], folder, env)
    finally:
        plan.unlink(missing_ok=True)


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
