"""checkov's built-in checks over the code and over every resolved plan, made so that they cannot pass by not looking.

By itself checkov ends with 0 when a check raises, when a file cannot be parsed, and when it scanned nothing at all. So
this wants silence on stderr, no parsing errors, something judged in every scan and every module, as many checks loaded
as before, and every check evaluated that was evaluated before (``policies/builtin_floor.json``; after a deliberate
change ``python -m policies --record`` writes it anew, and its difference is reviewed).
"""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import yaml

from policies.iam import matches
from terraform.command import ROOT

HERE = Path(__file__).resolve().parent
PYTHON = ROOT / ".venv-policies" / "bin" / "python"
WORKER = HERE / "checkov_worker.py"
MISFIRES = HERE / "misfires.yaml"
FLOOR = HERE / "builtin_floor.json"
FOLDERS = ("terraform/modules", "terraform/bootstrap")
SKIP_PATHS = ("/tests/", "/.terraform/")
SHORTEST_REASON = 20
SLOWEST_S = 600

Json = dict[str, Any]


class PolicyError(Exception):
    """The scan cannot be trusted, so it counts as failed."""


@dataclass(frozen=True)
class Finding:
    """What a check finds and is known until a day: in these scans (default: all), at resources of this pattern."""

    check: str
    resource: str
    reason: str
    expires: datetime.date
    where: tuple[str, ...] = ()

    def holds(self, record: Json, scan: str) -> bool:
        """Whether it is about this record."""
        here = not self.where or scan in self.where
        return here and record["check"] == self.check and matches(self.resource, record["resource"])


@dataclass(frozen=True)
class Misfires:
    """Checks that are switched off altogether, and findings that are known."""

    checks: Mapping[str, str]
    findings: Sequence[Finding] = ()


@dataclass
class Outcome:
    """What checkov found: counts by scan, and what failed, one line each."""

    passed: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    failed: list[tuple[str, str]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


def load_misfires(text: str, today: datetime.date) -> Misfires:
    """Read misfires.yaml; PolicyError for an entry without a reason, or past its end."""
    document = yaml.safe_load(text)
    entries = [(name, reason) for name, reason in document["checks"].items()]
    entries += [
        (f"{entry.get('check')} at {entry.get('resource')}", entry.get("reason")) for entry in document["findings"]
    ]
    for name, reason in entries:
        if not isinstance(reason, str) or len(reason) < SHORTEST_REASON:
            raise PolicyError(f"{MISFIRES.name}: {name} has no reason: write why it misfires, or remove it")
    for entry in document["findings"]:
        if not isinstance(entry.get("expires"), datetime.date) or entry["expires"] < today:
            raise PolicyError(f"{MISFIRES.name}: {entry['check']} at {entry['resource']} has no end, or is past it")
    findings = [Finding(**{**entry, "where": tuple(entry.get("where", ()))}) for entry in document["findings"]]
    return Misfires(document["checks"], findings)


class Checkov:
    """A running checkov: give it plans as they are made, then ask for its answer."""

    def __init__(self, folders: Sequence[str] = FOLDERS, root: Path = ROOT, python: Path = PYTHON) -> None:
        if not python.exists():
            raise PolicyError("checkov is not installed: run `make policies`, which sets it up")
        self._words: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed with the process)
        self._process = subprocess.Popen(
            [str(python), "-E", str(WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            text=True,
        )
        self.asked = [*folders]
        self._tell({"root": str(root), "folders": list(folders), "skip_paths": list(SKIP_PATHS)})

    def plan(self, name: str, path: Path) -> None:
        """Have one plan scanned, a file in the form of ``terraform show -json``."""
        self.asked.append(name)
        self._tell({"name": name, "path": str(path)})

    def answer(self) -> Json:
        """Wait for the answer; PolicyError when there is none, or checkov complained about anything."""
        try:
            out, _ = self._process.communicate(timeout=SLOWEST_S)
        except subprocess.TimeoutExpired:
            self.close()
            raise PolicyError(f"checkov gave no answer in {SLOWEST_S} s") from None
        self._words.seek(0)
        complaint = self._words.read().strip()
        if complaint:
            raise PolicyError(f"checkov complained, so its verdict does not count:\n{complaint[-2000:]}")
        try:
            answer: Json = json.loads(out)
        except ValueError:
            raise PolicyError(f"checkov gave no answer (exit {self._process.returncode})") from None
        if self._process.returncode:
            raise PolicyError(f"checkov ended with exit {self._process.returncode}")
        return answer

    def close(self) -> None:
        """End it, whatever it is at."""
        self._process.kill()
        self._process.communicate()
        self._words.close()

    def _tell(self, line: Json) -> None:
        assert self._process.stdin is not None  # noqa: S101 (a pipe, see above)
        try:
            self._process.stdin.write(json.dumps(line) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended; answer() tells why


def judge(answer: Json, asked: Sequence[str], misfires: Misfires, floor: Json, today: datetime.date) -> Outcome:
    """What the answer says; PolicyError when something was not read, not looked at, or skipped without a reason."""
    outcome = Outcome()
    used: set[object] = set()
    scans = {scan["name"]: scan for scan in answer["scans"]}
    if sorted(scans) != sorted(asked):
        raise PolicyError(f"checkov scanned {sorted(scans)} instead of {sorted(asked)}")
    for name, scan in scans.items():
        outcome.seconds[name] = scan["seconds"]
        if scan["errors"]:
            raise PolicyError(f"checkov cannot read: {', '.join(scan['errors'])}")
        if not scan["resources"] or not scan["records"]:
            raise PolicyError(f"checkov scanned nothing in {name}")
        for record in scan["records"]:
            check = record["check"]
            known = {finding for finding in misfires.findings if finding.holds(record, name)}
            if record["outcome"] == "skipped":
                demand_reason(record, today)
                outcome.skipped[name] += 1
            elif record["outcome"] == "passed":
                outcome.passed[name] += 1
            elif check in misfires.checks or known:
                used |= {check, *known}
                outcome.skipped[name] += 1
            else:
                place = f"{name}{record['file']}:{record['line']}" if name in FOLDERS else name
                outcome.failed.append((place, f"{check} {place} {record['resource']}: {record['title']}"))
    gone = [check for check in misfires.checks if check not in used]
    gone += [f"{finding.check} at {finding.resource}" for finding in misfires.findings if finding not in used]
    if gone:
        raise PolicyError(f"{MISFIRES.name}: nothing to switch off any more, so delete: {', '.join(gone)}")
    demand_floor(answer, floor)
    return outcome


def demand_reason(record: Json, today: datetime.date) -> None:
    """PolicyError for a skip in the code without a reason, or past its end: `#checkov:skip=ID:reason, until DATE`.

    Where there is no reason checkov writes one of its own: "No comment provided".
    """
    comment = record["comment"].strip()
    end = re.search(r"\buntil (\d{4}-\d{2}-\d{2})$", comment)
    where = f"{record['file']}: skip of {record['check']}"
    if comment == "No comment provided" or len(comment) < SHORTEST_REASON:
        raise PolicyError(f"{where} without a reason")
    if end is None or datetime.date.fromisoformat(end.group(1)) < today:
        raise PolicyError(f"{where} without an end, or past it: write `until YYYY-MM-DD` after the reason")


def measured(answer: Json) -> Json:
    """What the floor records: the checks that are loaded, and those that were evaluated, by kind of scan."""
    seen: dict[str, set[str]] = {"code": set(), "plan": set()}
    for scan in answer["scans"]:
        seen["code" if scan["name"] in FOLDERS else "plan"] |= {record["check"] for record in scan["records"]}
    return {"loaded": len(answer["loaded"]), **{kind: sorted(ids) for kind, ids in seen.items()}}


def demand_floor(answer: Json, floor: Json) -> None:
    """PolicyError when fewer checks are loaded, or one is not evaluated any more that was."""
    now = measured(answer)
    if now["loaded"] < floor["loaded"]:
        raise PolicyError(f"checkov loaded {now['loaded']} checks, and {floor['loaded']} when the floor was recorded")
    for kind in ("code", "plan"):
        if lost := sorted(set(floor[kind]) - set(now[kind])):
            raise PolicyError(f"checkov no longer evaluates {', '.join(lost)} over the {kind}: see policies/builtin.py")


def demand_every_module_seen(answer: Json) -> None:
    """PolicyError for a module in which no check has looked at anything."""
    files = (ROOT / "terraform" / "modules").glob("*/*.tf")
    modules = {path.parent.name for path in files if '\nresource "' in path.read_text()}
    seen = {record["file"] for scan in answer["scans"] if scan["name"] == FOLDERS[0] for record in scan["records"]}
    if unseen := sorted(name for name in modules if not any(f"/{name}/" in file for file in seen)):
        raise PolicyError(f"no check looked at the modules: {', '.join(unseen)}")
