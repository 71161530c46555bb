"""Training, load, infrastructure and promotion, prepared for the page."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from loadtest.report.objective import objective
from loadtest.report.svg import Limit, Line, line_chart
from loadtest.report.values import count, duration, mapping, mappings, milliseconds, number, percent, text
from rehearsal.report.pictures import drawn
from rehearsal.report.records import RunRecord
from rehearsal.report.thumbnails import Album

MAX_LABELS = 20
MAX_DIFF_LINES = 200
STYLES = {"train": "first", "validation": "second", "test": "third"}

# The first pattern that a Terraform type matches names its service; what is left after it names the kind.
SERVICES = (
    (r"aws_s3_", "S3"),
    (r"aws_kms_", "KMS"),
    (r"aws_iam_", "IAM"),
    (r"aws_lambda_", "Lambda"),
    (r"aws_sagemaker_", "SageMaker"),
    (r"aws_sfn_", "Step Functions"),
    (r"aws_cloudwatch_(?=log_)", "CloudWatch Logs"),
    (r"aws_cloudwatch_(?=event_)", "EventBridge"),
    (r"aws_cloudwatch_", "CloudWatch alarms"),
    (r"aws_sns_", "SNS"),
    (r"aws_sqs_", "SQS"),
    (r"aws_ecr_", "ECR"),
    (r"aws_appautoscaling_", "Auto Scaling"),
    (r"aws_(?=(default_)?(vpc|subnet|route|security_group|network|flow_log))", "VPC"),
)


def trainings(run: RunRecord, album: Album) -> list[dict[str, Any]]:
    """Return how the workload's model was trained, and after it those of its companions."""
    data = run.data("train")
    companions = mapping(data.get("companions"))
    found = [training("", data | {"confusion": data.get("confusion") or run.data("promote").get("confusion")}, album)]
    found += [training(text(name, 80), mapping(theirs), album) for name, theirs in companions.items()]
    return [one for one in found if one]


def training(name: str, data: dict[str, Any], album: Album) -> dict[str, Any] | None:
    """Return learning curves, final metrics, the confusion matrix and plots; None when nothing was trained."""
    epochs, metrics = mappings(data.get("epochs")), mapping(data.get("metrics"))
    matrix = confusion(data.get("confusion"))
    if not (epochs or metrics or matrix):
        return None
    return {
        "name": name,
        # The matrix stands below as a table, which can be read aloud and copied.
        "figures": [figure for figure in drawn(data, album) if not (matrix and figure["file"] == "confusion.png")],
        "plots": [plot for plot in (_curve(epochs, name) for name in ("accuracy", "loss")) if plot],
        "metrics": [
            (text(name, 60).replace(":", " ").replace("_", " "), percent(value) if _is_share(name) else f"{value:.4g}")
            for name, raw in metrics.items()
            if (value := number(raw)) is not None
        ],
        "table": _epoch_table(epochs),
        "confusion": matrix,
        "job": text(data.get("job_name"), 120),
        "time": duration(number(data.get("seconds"))),
        "envelope": _envelope(mapping(data.get("envelope"))),
    }


def tuning(run: RunRecord) -> dict[str, Any] | None:
    """Return the trials of a search in their order, the best first, or None when there was none."""
    data = run.data("tune")
    trials = mappings(data.get("trials"))
    if not trials:
        return None
    names = list(dict.fromkeys(name for trial in trials for name in mapping(trial.get("hyperparameters"))))
    best = text(mapping(data.get("best")).get("job"), 120)
    return {
        "job": text(data.get("name"), 120),
        "strategy": text(data.get("strategy"), 40),
        "metric": text(mapping(data.get("objective")).get("metric"), 60),
        "head": [text(name, 60).replace("_", " ") for name in names],
        "rows": [
            {
                "name": text(trial.get("job"), 120),
                "best": text(trial.get("job"), 120) == best,
                "status": text(trial.get("status"), 40),
                "values": [_short(mapping(trial.get("hyperparameters")).get(name)) for name in names],
                "value": _plain(trial.get("value")),
            }
            for trial in trials
        ],
        "envelope": _envelope(mapping(data.get("envelope"))),
    }


def confusion(raw: Any) -> dict[str, Any] | None:
    """Return a square confusion matrix with the share of each row, or None when it is none or too large to read."""
    labels, matrix = mapping(raw).get("labels"), mapping(raw).get("matrix")
    if not isinstance(labels, list) or not isinstance(matrix, list) or not 0 < len(labels) <= MAX_LABELS:
        return None
    rows = []
    for index, (label, raw_row) in enumerate(zip(labels, matrix, strict=False)):
        row = [number(value) for value in raw_row] if isinstance(raw_row, list) else []
        if len(row) != len(labels) or any(value is None or value < 0 for value in row):
            return None
        total = sum(value or 0 for value in row)
        cells = [
            {"amount": count(v), "share": round((v or 0) / total, 4) if total else 0, "right": at == index}
            for at, v in enumerate(row)
        ]
        rows.append(
            {"label": text(label, 80), "cells": cells, "recall": percent((row[index] or 0) / total if total else None)}
        )
    return {"labels": [text(label, 80) for label in labels], "rows": rows} if len(rows) == len(labels) else None


def load(run: RunRecord) -> dict[str, Any] | None:
    """Return throughput and latency over time and the objective's checks, or None when no load was sent."""
    data = run.data("load")
    samples = mappings(data.get("samples"))
    if number(data.get("requests")) is None:
        return None
    slo = mapping(data.get("slo"))
    limit = number(slo.get("p95_ms"))
    rate = _series(samples, "rps", "requests a second", "first")
    latency = [_series(samples, "p50_ms", "median", "first"), _series(samples, "p95_ms", "95th percentile", "second")]
    held = Limit(limit, f"objective {limit:g} ms") if limit else None
    return {
        "rate": line_chart("Requests a second", [rate], "seconds", lambda value: f"{value:,.0f}"),
        "latency": line_chart("Latency", latency, "seconds", lambda value: f"{value:,.3g} ms", limit=held),
        "figures": [
            ("requests", count(number(data.get("requests")))),
            ("failed", count(number(data.get("failures")))),
            ("throughput", f"{count(number(data.get('rps')))}/s"),
            ("median", milliseconds(number(data.get("p50_ms")))),
            ("95th percentile", milliseconds(number(data.get("p95_ms")))),
            ("99th percentile", milliseconds(number(data.get("p99_ms")))),
        ],
        "users": count(number(data.get("users"))) if number(data.get("users")) else "",
        **objective(slo),
        "errors": [(count(number(e.get("count"))), text(e.get("error"), 300)) for e in mappings(data.get("errors"))],
        "table": [
            [f"{number(point.get('t')) or 0:.0f}", count(number(point.get("rps")))]
            + [milliseconds(number(point.get(name))) for name in ("p50_ms", "p95_ms")]
            for point in samples
        ],
    }


def infrastructure(run: RunRecord) -> dict[str, Any] | None:
    """Return the resources by service, the largest first, as they stood at their most; None when nothing was built."""
    by_type = mapping(run.data("promote").get("by_type")) or mapping(run.data("apply").get("by_type"))
    services: dict[str, Counter[str]] = {}
    for name, raw in by_type.items():
        amount = number(raw)
        if amount:
            owner, kind = service(name)
            services.setdefault(owner, Counter())[kind] += int(amount)
    if not services:
        return None
    most = max(types.total() for types in services.values())
    rows = [
        {
            "service": name,
            "amount": types.total(),
            "types": types.most_common(),
            "width": round(100 * types.total() / most, 2),
        }
        for name, types in sorted(services.items(), key=lambda pair: (-pair[1].total(), pair[0]))
    ]
    applied = run.data("apply")
    return {
        "rows": rows,
        "total": sum(types.total() for types in services.values()),
        "apply": duration(number(applied.get("apply_seconds"))),
        "plan": duration(number(applied.get("plan_seconds"))),
        "second_plan": text(applied.get("second_plan"), 40),
    }


def service(terraform_type: str) -> tuple[str, str]:
    """Return the AWS service that a Terraform resource type belongs to, and what it is there."""
    for pattern, name in SERVICES:
        if found := re.match(pattern, terraform_type):
            return name, terraform_type[found.end() :].replace("_", " ")
    return "Other", terraform_type.removeprefix("aws_").replace("_", " ")


def promotion(run: RunRecord) -> dict[str, Any] | None:
    """Return how the model got from the registry to the endpoint, or None when it did not."""
    registered, promoted = run.data("register"), run.data("promote")
    if not registered and not promoted:
        return None
    lines = text(promoted.get("diff"), 40_000).splitlines()
    return {
        "package": text(registered.get("model_package_arn"), 300),
        "status": text(registered.get("status"), 60),
        "endpoint": text(promoted.get("endpoint"), 120),
        "version": text(promoted.get("version"), 60),
        "instances": text(promoted.get("instances"), 10),
        "time": duration(number(promoted.get("seconds"))),
        "diff": [{"text": line, "kind": _diff_kind(line)} for line in lines[:MAX_DIFF_LINES]],
        "left_out": max(0, len(lines) - MAX_DIFF_LINES),
    }


def _curve(epochs: list[dict[str, Any]], quantity: str) -> dict[str, Any] | None:
    names = list(dict.fromkeys(name for epoch in epochs for name in epoch if name.endswith(f":{quantity}")))
    share = quantity == "accuracy"
    lines = [
        _series(epochs, name, name.split(":")[0], STYLES.get(name.split(":")[0], "third"), "epoch") for name in names
    ]
    show = (lambda value: percent(value, 0)) if share else (lambda value: f"{value:.3g}")
    plot = line_chart(quantity.capitalize(), lines, "epoch", show, highest=1.0 if share else None)
    return {"title": quantity.capitalize(), "plot": plot, "lines": lines} if plot else None


def _series(points: list[dict[str, Any]], key: str, name: str, style: str, x: str = "t") -> Line:
    pairs = [(at, number(point.get(key))) for point in points if (at := number(point.get(x))) is not None]
    return Line(name, style, pairs)


def _epoch_table(epochs: list[dict[str, Any]]) -> dict[str, Any] | None:
    names = list(dict.fromkeys(name for epoch in epochs for name in epoch if name != "epoch"))
    rows = [[_plain(epoch.get(name)) for name in ("epoch", *names)] for epoch in epochs]
    return {"head": ["epoch", *(text(name, 60) for name in names)], "rows": rows} if rows and names else None


def _short(raw: Any) -> str:
    """A tried value: numbers come as text with all their digits."""
    said = text(raw, 40)
    try:
        return f"{float(said):.4g}"
    except ValueError:
        return said


def _plain(raw: Any) -> str:
    value = number(raw)
    return "–" if value is None else f"{value:.4g}"


def _is_share(name: Any) -> bool:
    return text(name).rsplit(":", 1)[-1] in {"accuracy", "macro_f1", "f1", "precision", "recall"}


def _envelope(fields: dict[str, Any]) -> list[tuple[str, str]]:
    said = {True: "yes", False: "no", None: "no"}
    return [
        (
            text(name, 60).replace("_", " "),
            said[value] if value is None or isinstance(value, bool) else text(value, 120),
        )
        for name, value in fields.items()
    ]


def _diff_kind(line: str) -> str:
    if line.startswith(("+++", "---", "@@")):
        return "about"
    return {"+": "added", "-": "removed"}.get(line[:1], "")
