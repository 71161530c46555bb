"""parliament and cloudsplaining in the policies' environment: one request on stdin, one answer on stdout.

It imports nothing of this repository. Whatever the two say on the way goes to stderr, where the caller wants silence.

Request: ``{"documents": [{"name", "document"}]}``. Answer: ``{"versions", "findings": [{"tool", "document",
"statement", "issue", "detail"}]}``.
"""

# ruff: noqa: PLC0415 (what they say while they are imported must go to stderr too)

from __future__ import annotations

import json
import os
import sys
import warnings
from typing import Any


def main() -> int:
    """Answer one request."""
    answer = os.fdopen(os.dup(1), "w")
    sys.stdout = sys.stderr
    warnings.simplefilter("ignore")  # parliament's use of pkg_resources
    from importlib.metadata import version

    request = json.load(sys.stdin)
    findings = []
    for entry in request["documents"]:
        document = _single_values(entry["document"])
        findings += [
            {"document": entry["name"], **found} for found in [*_parliament(document), *_cloudsplaining(document)]
        ]
    versions = {name: version(name) for name in ("parliament", "cloudsplaining")}
    json.dump({"versions": versions, "findings": findings}, answer)
    answer.close()
    return 0


def _parliament(document: dict[str, Any]) -> list[dict[str, str]]:
    from parliament import analyze_policy_string

    text = json.dumps(document)
    spans = [(text.index(part), str(statement.get("Sid", ""))) for statement, part in _parts(document)]
    findings = []
    for found in analyze_policy_string(text).findings:
        column = found.location.get("column") if isinstance(found.location, dict) else None
        sid = next((sid for start, sid in reversed(spans) if start < column), "") if column else ""
        detail = (
            found.detail if isinstance(found.detail, str) else json.dumps(found.detail, sort_keys=True, default=str)
        )
        findings.append({"tool": "parliament", "statement": sid, "issue": found.issue, "detail": detail})
    return findings


def _cloudsplaining(document: dict[str, Any]) -> list[dict[str, str]]:
    from cloudsplaining.scan.policy_document import PolicyDocument

    read = PolicyDocument(document)
    escalation = [f"{way['type']}: {', '.join(way['actions'])}" for way in read.allows_privilege_escalation]
    found = {
        "CREDENTIALS_EXPOSURE": read.credentials_exposure,
        "DATA_EXFILTRATION": read.allows_data_exfiltration_actions,
        "PERMISSIONS_MANAGEMENT": read.permissions_management_without_constraints,
        "PRIVILEGE_ESCALATION": escalation,
        "SERVICE_WILDCARD": read.service_wildcard,
    }
    return [
        {"tool": "cloudsplaining", "statement": "", "issue": issue, "detail": ", ".join(map(str, actions))}
        for issue, actions in found.items()
        if actions
    ]


def _parts(document: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    return [(statement, json.dumps(statement)) for statement in document["Statement"]]


def _single_values(document: dict[str, Any]) -> dict[str, Any]:
    """A list of one condition value as the value itself, which means the same: parliament fails over some lists."""
    statements = []
    for statement in document["Statement"]:
        tests = {
            operator: {
                key: value[0] if isinstance(value, list) and len(value) == 1 else value for key, value in keys.items()
            }
            for operator, keys in statement.get("Condition", {}).items()
        }
        statements.append({**statement, "Condition": tests} if tests else statement)
    return {**document, "Statement": statements}


def _single(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


if __name__ == "__main__":
    sys.exit(main())
