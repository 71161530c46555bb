"""What a training job is sent holds everything that its program imports."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from training.jobs import package
from training.workloads import spec


def imported(path: Path) -> set[str]:
    """Modules of `training` that a file imports when it runs; names that only types need are no imports then."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)  # a program names its job, which is imported once the command line is right
        waiting += ast.iter_child_nodes(node)
    return {name for name in found if name.startswith("training.")}


def file_of(module: str) -> Path | None:
    """The file of a module in the repository; None for a name that is none, such as a function's."""
    stem = Path(*module.split("."))
    root = Path(package.__file__).resolve().parents[2]
    return next((p for p in (root / f"{stem}.py", root / stem / "__init__.py") if p.is_file()), None)


@pytest.mark.parametrize("name", spec.names())
def test_the_archive_holds_all_that_its_program_imports(name: str) -> None:
    workload = spec.load(name)
    held = {path.resolve() for path in package.files(workload).values()}
    program = Path(package.__file__).resolve().parents[1] / "workloads" / name / workload.training.program
    waiting, seen = [program], set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for module in imported(path):
            needed = file_of(module)
            if needed:
                assert needed in held, f"{path.name} imports {module}, which the archive of {name} lacks"
                waiting.append(needed)
    assert len(seen) > 15
