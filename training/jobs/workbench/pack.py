"""The agent as one file that any Python with boto3 runs."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

_TRAINING = Path(__file__).resolve().parents[2]
_PARTS = ("__init__.py", "jobs/__init__.py", "jobs/script_mode.py", "jobs/workbench/__init__.py")
_MAIN = "import sys\n\nfrom training.jobs.workbench.agent.run import main\n\nsys.exit(main())\n"
# The same content is the same file, whenever it was written.
_DATE = (1980, 1, 1, 0, 0, 0)


def agent() -> bytes:
    """The archive: the agent, and the entry point of the training image for where there is no container."""
    files = [*(_TRAINING / part for part in _PARTS), *sorted((_TRAINING / "jobs" / "workbench" / "agent").glob("*.py"))]
    contents = {
        f"training/{path.relative_to(_TRAINING).as_posix()}": path.read_text(encoding="utf-8") for path in files
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (contents | {"__main__.py": _MAIN}).items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), content)
    return packed.getvalue()
