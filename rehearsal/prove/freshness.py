"""Whether the last rehearsal still speaks for the code that lies here.

It does while two things are as they were: the code that makes calls, and the documents that judge them. A README or an
alarm that changed needs no new rehearsal; a statement that changed does, unless comparing it with what was used
already shows that it cannot stand.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from policies.plan import Plan
from rehearsal.prove.documents import documents
from rehearsal.run import write_json
from terraform.command import ROOT

CODE = ("functions", "loadtest", "rehearsal", "terraform/stacks", "training")
LEFT_OUT = {"__pycache__", "dist", "report", "prove", "tests"}
COUNTED = (".json", ".py", ".yaml")
RECORD = Path("prove") / "evidence.json"


def code_fingerprint(root: Path = ROOT) -> str:
    """A checksum over everything that makes calls in a rehearsal, or that makes up the forbidden ones."""
    digest = hashlib.sha256()
    for path in _sources(root):
        digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def documents_fingerprint(plans: Iterable[Plan]) -> str:
    """A checksum over every policy document, the same whether it is planned or stands."""
    return hashlib.sha256("\n".join(documents(plans)).encode()).hexdigest()


def record(folder: Path, plans: Iterable[Plan], started: str) -> None:
    """Write down what the rehearsal in ``folder``, begun at ``started``, was made of."""
    begun = datetime.fromisoformat(started).timestamp()
    changed = any(path.stat().st_mtime > begun for path in _sources(ROOT))
    code = "" if changed else code_fingerprint()
    write_json(folder / RECORD, {"code": code, "documents": documents_fingerprint(plans)})


def why_not(folder: Path, code: str) -> str:
    """Why the rehearsal in ``folder`` proves nothing about this code, as the end of a sentence; "" when it does."""
    run = _read(folder / "run.json")
    known = _read(folder / RECORD)
    if not run:
        return "there has been none"
    if run.get("result") != "passed":
        return f"it ended as {run.get('result') or 'unfinished'}"
    if run.get("keep"):
        return "it left its environment up (KEEP=1), so nothing was taken down yet"
    if not known:
        return "it proved nothing: it was made before `prove` was one of its stages"
    if known.get("code") != code:
        return "it ran other code than what lies here" if known.get("code") else "its code was changed while it ran"
    return ""


def workload(folder: Path) -> str:
    """What was rehearsed in ``folder``; "" where nothing was."""
    return str(_read(folder / "run.json").get("workload") or "")


def same_documents(folder: Path, plans: Iterable[Plan]) -> bool:
    """Whether the rehearsal in ``folder`` was judged by just these policy documents."""
    return _read(folder / RECORD).get("documents") == documents_fingerprint(plans)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _sources(root: Path) -> list[Path]:
    """Files of code in a fixed order; of this package only the forbidden calls, whose answers are the evidence."""
    found = []
    for folder in CODE:
        for path in sorted((root / folder).rglob("*")):
            parts = set(path.relative_to(root).parts[:-1])
            if path.suffix in COUNTED and path.is_file() and (not parts & LEFT_OUT or "forbidden" in parts):
                found.append(path)
    return found
