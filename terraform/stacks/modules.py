"""Place a module in a stack, and refer to what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from terraform.stacks.cdk import cdktf
from terraform.stacks.places import MODULES


@dataclass(frozen=True)
class Module:
    """A module block. `counted` tells that it has `count` and so may be absent."""

    name: str
    counted: bool = False

    def output(self, output: str, key: str | None = None) -> str:
        """Refer to an output, or to one entry of an output that is a map; null where the module is absent."""
        index = f'["{key}"]' if key else ""
        if self.counted:
            return f"${{one(module.{self.name}[*].{output}{index})}}"
        return f"${{module.{self.name}.{output}{index}}}"


def place(
    stack: cdktf.TerraformStack, name: str, module: str, variables: dict[str, Any], *, count: str | None = None
) -> Module:
    """Add the block `module "<name>"` with its source below terraform/modules.

    Parameters
    ----------
    stack : TerraformStack
        The environment.
    name : str
        Name of the block, in snake_case.
    module : str
        Folder below terraform/modules.
    variables : dict
        The module's variables; a None is left out, so that the module's default holds.
    count : str, optional
        Terraform expression for `count`.
    """
    block = cdktf.TerraformHclModule(
        stack,
        name,
        source=f"{MODULES}/{module}",
        # The folder is committed beside the environment: there is nothing to copy.
        skip_asset_creation_from_local_modules=True,
        variables=without_none(variables),
    )
    if count is not None:
        block.add_override("count", f"${{{count}}}")
    return Module(name, counted=count is not None)


def without_none(value: Any) -> Any:
    """Leave the None entries out of nested mappings: an absent argument takes the module's default, a null does not."""
    if isinstance(value, dict):
        return {key: without_none(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, list | tuple):
        return [without_none(entry) for entry in value]
    return value


def block(workload: str) -> str:
    """Beginning of the names of a workload's module blocks."""
    return workload.replace("-", "_")
