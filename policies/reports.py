"""Verdicts for machines: SARIF for code scanning, JUnit for pipelines. And tables for people."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from policies.builtin import Outcome
from policies.control import Control
from policies.plan import BOOTSTRAP
from policies.scan import Verdict
from policies.standards import STANDARDS

_LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
_SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def source_file(environment: str) -> str:
    """The committed file that a plan is made of: where a finding is shown."""
    return (
        f"terraform/{BOOTSTRAP}/main.tf"
        if environment == BOOTSTRAP
        else f"terraform/environments/{environment}/main.tf.json"
    )


def write_sarif(path: Path, verdicts: Sequence[Verdict], controls: Sequence[Control]) -> None:
    """Write findings as SARIF 2.1.0; waived ones are there as suppressed."""
    results = [_result(verdict) for verdict in verdicts if verdict.faults]
    driver = {"name": "slipway-policies", "informationUri": _help(None), "rules": [_rule(c) for c in controls]}
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
    path.write_text(json.dumps(log, indent=1) + "\n")


def _rule(control: Control) -> dict[str, Any]:
    sources = [STANDARDS[source] for source in control.sources]
    links = "\n".join(f"- [{item.standard}: {item.title}]({item.url})" for item in sources)
    return {
        "id": control.id,
        "name": "".join(part.capitalize() for part in control.id.split("_")),
        "shortDescription": {"text": control.title},
        "fullDescription": {"text": control.reason},
        "help": {"text": control.remedy, "markdown": f"{control.reason}\n\n**Remedy:** {control.remedy}\n\n{links}"},
        "helpUri": _help(control),
        "defaultConfiguration": {"level": _LEVELS[control.severity]},
        "properties": {
            "security-severity": _SCORES[control.severity],
            "tags": ["security", *(f"{STANDARDS[s].standard}: {s}" for s in control.sources)],
        },
    }


def _help(control: Control | None) -> str:
    """The first source's own page; the catalogue has the rest."""
    return STANDARDS[control.sources[0]].url if control else "https://docs.aws.amazon.com/securityhub/latest/userguide/"


def _result(verdict: Verdict) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": verdict.control.id,
        "level": _LEVELS[verdict.control.severity],
        "message": {"text": f"{verdict.address}: {'; '.join(verdict.faults)}. {verdict.control.remedy}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": source_file(verdict.environment)},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [{"fullyQualifiedName": verdict.address, "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"resource/v1": f"{verdict.control.id}:{verdict.environment}:{verdict.address}"},
    }
    if verdict.waived:
        result["suppressions"] = [{"kind": "external", "justification": verdict.waived}]
    return result


def write_junit(path: Path, verdicts: Sequence[Verdict], _: Sequence[Control] = ()) -> None:
    """Write every verdict as a test case: one suite per environment."""
    top = Xml.Element("testsuites")
    for environment in sorted({verdict.environment for verdict in verdicts}):
        own = [verdict for verdict in verdicts if verdict.environment == environment]
        count = Counter(verdict.outcome for verdict in own)
        numbers = {"tests": len(own), "failures": count["failed"], "skipped": count["skipped"]}
        attributes = {"name": environment} | {key: str(value) for key, value in numbers.items()}
        suite = Xml.SubElement(top, "testsuite", attributes)
        for verdict in own:
            case = Xml.SubElement(suite, "testcase", classname=verdict.control.id, name=verdict.address)
            if verdict.outcome == "failed":
                Xml.SubElement(case, "failure", message="; ".join(verdict.faults)).text = verdict.control.remedy
            elif verdict.outcome == "skipped":
                Xml.SubElement(case, "skipped", message=verdict.waived)
    Xml.ElementTree(top).write(path, encoding="unicode", xml_declaration=True)


def add_builtin(folder: Path, outcome: Outcome) -> None:
    """Add what checkov's own checks found to the files that were written: a suite, findings, and lines of the table."""
    junit = Xml.parse(folder / "controls.xml")  # noqa: S314 (written by this program)
    attributes = {
        "name": "checkov",
        "tests": str(1 + len(outcome.failed)),
        "failures": str(len(outcome.failed)),
        "skipped": "0",
    }
    suite = Xml.SubElement(junit.getroot(), "testsuite", attributes)
    Xml.SubElement(suite, "testcase", classname="checkov", name=f"{outcome.passed.total()} checks passed")
    sarif = json.loads((folder / "controls.sarif").read_text())
    lines = []
    for place, text in outcome.failed:
        name = text.split()[0]
        case = Xml.SubElement(suite, "testcase", classname=name, name=text)
        Xml.SubElement(case, "failure", message=text)
        where = source_file(place) if ":" not in place else place.rsplit(":", 1)[0]
        line = 1 if ":" not in place else max(1, int(place.rsplit(":", 1)[1]))
        location = {"artifactLocation": {"uri": where}, "region": {"startLine": line}}
        sarif["runs"][0]["results"].append(
            {
                "ruleId": name,
                "level": "warning",
                "message": {"text": text},
                "locations": [{"physicalLocation": location}],
                "partialFingerprints": {"resource/v1": text},
            }
        )
        lines.append(f"- {text}")
    junit.write(folder / "controls.xml", encoding="unicode", xml_declaration=True)
    (folder / "controls.sarif").write_text(json.dumps(sarif, indent=1) + "\n")
    with (folder / "controls.md").open("a") as page:
        page.write(
            f"\ncheckov: {outcome.passed.total()} passed, {len(outcome.failed)} failed.\n" + "\n".join(lines) + "\n"
        )


def _counts(verdicts: Sequence[Verdict]) -> list[tuple[str, list[int]]]:
    """Controls, judged, passed, skipped and failed by environment."""
    rows = []
    for environment in dict.fromkeys(verdict.environment for verdict in verdicts):
        own = [verdict for verdict in verdicts if verdict.environment == environment]
        count = Counter(verdict.outcome for verdict in own)
        controls = len({verdict.control.id for verdict in own})
        rows.append((environment, [controls, len(own), count["passed"], count["skipped"], count["failed"]]))
    return rows


def write_markdown(path: Path, verdicts: Sequence[Verdict], _: Sequence[Control] = ()) -> None:
    """Write the table for the summary of a pipeline's run."""
    lines = ["| environment | controls | judged | passed | skipped | failed |", "|---|---|---|---|---|---|"]
    lines += [f"| {name} | " + " | ".join(map(str, row)) + " |" for name, row in _counts(verdicts)]
    if failed := [verdict for verdict in verdicts if verdict.outcome == "failed"]:
        lines += ["", "| control | where | found | remedy |", "|---|---|---|---|"]
        lines += [
            f"| {v.control.severity} `{v.control.id}` | {v.environment}: `{v.address}` | "
            f"{'; '.join(v.faults).replace('|', '/')} | {v.control.remedy} |"
            for v in failed
        ]
    path.write_text("\n".join(lines) + "\n")


def table(verdicts: Sequence[Verdict]) -> list[str]:
    """One line per environment, and below them what failed, with its remedy."""
    lines = [f"{'environment':12} {'controls':>8} {'judged':>7} {'passed':>7} {'skipped':>8} {'failed':>7}"]
    for name, (controls, judged, passed, skipped, failed) in _counts(verdicts):
        lines.append(f"{name:12} {controls:8d} {judged:7d} {passed:7d} {skipped:8d} {failed:7d}")
    for verdict in verdicts:
        if verdict.outcome == "failed":
            lines += [
                "",
                f"{verdict.control.severity.upper()} {verdict.control.id}: {verdict.control.title}",
                f"  where   {verdict.environment}: {verdict.address}",
                f"  found   {'; '.join(verdict.faults)}",
                f"  why     {verdict.control.reason}",
                f"  remedy  {verdict.control.remedy}",
            ]
    return lines
