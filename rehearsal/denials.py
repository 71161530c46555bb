"""What IAM has refused since one last looked. In a rehearsal every role is granted what it does, so nothing may be."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

EXPECTED_SESSIONS = "forbidden-"
"""Sessions whose names begin so try what must be refused."""


class Denials:
    """The lines of ``denials.jsonl`` that came after this was made, each handed out once."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._read = journal.stat().st_size if journal.exists() else 0

    def new(self) -> list[dict[str, Any]]:
        """Refusals since the last call, without those that were to be."""
        if not self._journal.exists():
            return []
        with self._journal.open("rb") as lines:
            lines.seek(self._read)
            text = lines.read()
        whole = text[: text.rfind(b"\n") + 1]  # a line may be in the middle of being written
        self._read += len(whole)
        found = [json.loads(line) for line in whole.splitlines()]
        return [denial for denial in found if not _session(denial).startswith(EXPECTED_SESSIONS)]


def _session(denial: dict[str, Any]) -> str:
    principal = str(denial.get("principal", ""))
    return principal.rsplit("/", 1)[-1] if ":assumed-role/" in principal else ""


def explain(denials: list[dict[str, Any]]) -> str:
    """Say of each refusal who may not do what on what, and why; the same refusal many times over is said once."""
    lines = Counter(_line(denial) for denial in denials)
    said = [line if times == 1 else f"{line} ({times} times)" for line, times in lines.items()]
    return f"IAM refused {len(denials)} call{'s' * (len(denials) != 1)}:\n  " + "\n  ".join(said)


def _line(denial: dict[str, Any]) -> str:
    action = denial.get("action") or f"{denial.get('service')}:{denial.get('operation')}"
    resource = denial.get("resource", "")
    where = f" on {resource}" if resource else ""
    return f"{_who(denial)} may not {action}{where}: {denial.get('reason', 'no reason was given')}"


def _who(denial: dict[str, Any]) -> str:
    role, principal = str(denial.get("role", "")), str(denial.get("principal", ""))
    if role:
        return f"role {role.rsplit('/', 1)[-1]}"
    if ":assumed-role/" in principal:
        return f"role {principal.split('/')[1]}"
    return principal or "somebody without credentials"
