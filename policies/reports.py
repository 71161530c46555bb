"""Verdicts for machines: SARIF for code scanning, JUnit for pipelines. And a table for people."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from policies.control import Control
from policies.scan import Verdict
from policies.standards import STANDARDS

_LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
_SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def source_file(environment: str) -> str:
    """The committed file that an environment is made of: where a finding is shown."""
    return f"terraform/environments/{environment}/main.tf.json"


def write_sarif(path: Path, verdicts: Sequence[Verdict], controls: Sequence[Control]) -> None:
    """Write findings as SARIF 2.1.0; waived ones are there as suppressed."""
    rules = [
        {
            "id": control.id,
            "name": control.id,
            "shortDescription": {"text": control.title},
            "fullDescription": {"text": control.reason},
            "help": {"text": control.remedy},
            "properties": {
                "security-severity": _SCORES[control.severity],
                "tags": ["security", *(f"{STANDARDS[s].standard}: {s}" for s in control.sources)],
            },
        }
        for control in controls
    ]
    results = [_result(verdict) for verdict in verdicts if verdict.faults]
    driver = {"name": "slipway-policies", "rules": rules}
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
    path.write_text(json.dumps(log, indent=1) + "\n")


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


def write_junit(path: Path, verdicts: Sequence[Verdict]) -> None:
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


def table(verdicts: Sequence[Verdict]) -> list[str]:
    """One line per environment, and below them what failed, with its remedy."""
    lines = [f"{'environment':12} {'controls':>8} {'judged':>7} {'passed':>7} {'skipped':>8} {'failed':>7}"]
    for environment in dict.fromkeys(verdict.environment for verdict in verdicts):
        own = [verdict for verdict in verdicts if verdict.environment == environment]
        count = Counter(verdict.outcome for verdict in own)
        controls = len({verdict.control.id for verdict in own})
        row = f"{environment:12} {controls:8d} {len(own):7d} {count['passed']:7d} {count['skipped']:8d}"
        lines.append(f"{row} {count['failed']:7d}")
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
