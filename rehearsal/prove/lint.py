"""The same policies read by two linters that know nothing of ours: parliament and cloudsplaining."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

from policies.plan import Plan
from rehearsal.prove.roles import roles
from rehearsal.prove.used import EvidenceError
from rehearsal.prove.verdict import Verdict
from terraform.command import ROOT

FILE = ROOT / "policies" / "lint_reasons.yaml"
PYTHON = ROOT / ".venv-policies" / "bin" / "python"
WORKER = Path(__file__).with_name("lint_worker.py")
SHORTEST_REASON = 30
LONGEST_DETAIL = 160
_KEYS = {"tool", "issue", "role", "statement", "reason"}


@dataclass(frozen=True)
class Finding:
    """What a linter says of a role's statement, or of its policies as a whole (statement "")."""

    tool: str
    role: str
    statement: str
    issue: str
    detail: str


@dataclass(frozen=True)
class Acceptance:
    """Why a kind of finding may stand; ``role`` and ``statement`` may hold ``*``."""

    tool: str
    issue: str
    role: str
    statement: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Whether this is the reason for a finding."""
        same = (self.tool, self.issue) == (finding.tool, finding.issue)
        return same and fnmatchcase(finding.role, self.role) and fnmatchcase(finding.statement, self.statement)


def lint(plans: Iterable[Plan]) -> Verdict:
    """Every finding, held against the reasons. EvidenceError when the linters cannot be asked."""
    findings, versions = ask(plans)
    accepted = read_acceptances()
    open_findings = [f for f in findings if not any(one.covers(f) for one in accepted)]
    idle = [one for one in accepted if not any(one.covers(finding) for finding in findings)]
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    return Verdict(
        [f"  {told}: {len(findings)} findings, {len(findings) - len(open_findings)} with a reason"],
        [
            *(
                f"{f.role}, statement {f.statement or 'any'}: {f.tool} finds {f.issue}: {f.detail[:LONGEST_DETAIL]}. "
                f"Correct it, or write into policies/{FILE.name} why it may stand."
                for f in open_findings
            ),
            *(
                f"{FILE.name}: {one.tool} finds {one.issue} of {one.role} ({one.statement or 'any'}) no more; "
                "delete the entry"
                for one in idle
            ),
        ],
    )


def ask(plans: Iterable[Plan]) -> tuple[list[Finding], Mapping[str, str]]:
    """What the linters find in every role's own documents, and their versions."""
    documents = [
        {"name": role.name, "document": content}
        for role in roles(plans).values()
        for content in role.documents.values()
    ]
    if not PYTHON.exists():
        raise EvidenceError("parliament and cloudsplaining are not installed: run `make prove`, which sets them up")
    finished = subprocess.run(
        [str(PYTHON), "-E", str(WORKER)],
        input=json.dumps({"documents": documents}),
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode or finished.stderr.strip():
        raise EvidenceError(f"the linters failed, so their verdict does not count:\n{finished.stderr[-2000:]}")
    answer = json.loads(finished.stdout)
    found = [
        Finding(row["tool"], row["document"], row["statement"], row["issue"], row["detail"])
        for row in answer["findings"]
    ]
    return found, answer["versions"]


def read_acceptances(path: Path = FILE) -> list[Acceptance]:
    """Every entry of the file; EvidenceError for one that has another form or no reason."""
    found = []
    for entry in yaml.safe_load(path.read_text(encoding="utf-8")) or []:
        if set(entry) != _KEYS or len(str(entry["reason"]).strip()) < SHORTEST_REASON:
            raise EvidenceError(
                f"{path.name}: {entry!r} must have the keys {', '.join(sorted(_KEYS))} and a reason of "
                f"{SHORTEST_REASON} characters or more"
            )
        found.append(Acceptance(**{**entry, "reason": " ".join(entry["reason"].split())}))
    return found
