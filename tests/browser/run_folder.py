"""A run folder such as a rehearsal leaves, made from nothing: drawn pictures, plausible curves, every result."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import cv2
import numpy as np

THRESHOLD = 0.93
CLASSES = ("bicycle", "motorcycle")

BY_TYPE = {
    "aws_vpc": 1, "aws_subnet": 2, "aws_route_table": 2, "aws_vpc_endpoint": 13, "aws_security_group": 5,
    "aws_vpc_security_group_egress_rule": 9, "aws_vpc_security_group_ingress_rule": 4, "aws_flow_log": 1,
    "aws_kms_key": 4, "aws_kms_alias": 4, "aws_s3_bucket": 3, "aws_s3_bucket_policy": 3,
    "aws_s3_bucket_versioning": 3, "aws_s3_bucket_server_side_encryption_configuration": 3, "aws_iam_role": 8,
    "aws_iam_role_policy": 11, "aws_iam_policy": 1, "aws_lambda_function": 4, "aws_lambda_alias": 4,
    "aws_cloudwatch_log_group": 8, "aws_cloudwatch_metric_alarm": 16, "aws_cloudwatch_event_rule": 2,
    "aws_sqs_queue": 4, "aws_sns_topic": 2, "aws_sns_topic_policy": 2, "aws_sfn_state_machine": 2,
    "aws_ecr_repository": 2, "aws_sagemaker_model_package_group": 1, "aws_appautoscaling_target": 1,
}  # fmt: skip

ENDPOINT_TYPES = {"aws_sagemaker_model": 1, "aws_sagemaker_endpoint": 1, "aws_sagemaker_endpoint_configuration": 1}

DIFF = """--- live
+++ approved
@@ -1,3 +1,11 @@
 {
-  "models": {}
+  "models": {
+    "vehicles": {
+      "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-rehearsal-vehicles/serving:1",
+      "model_data_url": "s3://slipway-rehearsal-123456789012-models/vehicles/artifacts/vehicles-1/output/model.tar.gz",
+      "version": "1"
+    }
+  }
 }
"""

PROOF: dict[str, Any] = {
    "roles": [
        {"role": f"slipway-rehearsal-{name}", "origin": "rehearsal", "grants": used + reason, "used": used,
         "reason": reason, "unused": 0, "opens": used + reason, "patterns": 12, "touched": 9}
        for name, used, reason in (("vehicles-training", 26, 2), ("operator", 12, 7))
    ] + [{"role": "slipway-deploy", "origin": "bootstrap", "grants": 189, "used": 90, "reason": 63, "unused": 36,
          "opens": 698, "patterns": 40, "touched": 31}],
    "forbidden": {"calls": 1704, "controls": 31, "families": {"escalation": 306, "other bucket": 50},
                  "controlled": {"escalation": 1, "identity": 13, "other bucket": 1}, "roles": {}, "wrong": []},
    "network": [
        {"kind": "function", "name": "slipway-rehearsal-vehicles-classify-image", "isolated": False,
         "ways": [{"service": "s3", "kind": "gateway"}, {"service": "sagemaker.runtime", "kind": "interface"}]},
        {"kind": "job", "name": "slipway-rehearsal-vehicles-retrain, Train", "isolated": True, "ways": []},
    ],
}  # fmt: skip


def make_run(folder: Path) -> Path:
    """Fill `folder` with a run that passed and return it."""
    chance = random.Random(3)  # noqa: S311 - the same drawing every time, not a secret
    images = folder / "images"
    images.mkdir(parents=True)
    write(folder / "run.json", {
        "workload": "vehicles", "environment": "rehearsal", "source": "synthetic", "speed": 20, "result": "passed",
        "source_title": "Drawn silhouettes", "synthetic": True,
        "started": "2026-03-02T09:14:05+00:00", "finished": "2026-03-02T09:17:31+00:00",
        "machine": {"system": "Linux", "architecture": "x86_64", "cpus": 2},
        "versions": {"python": "3.11.7", "terraform": "1.13.4", "provider aws": "5.100.0", "moto": "5.2.5"},
    })  # fmt: skip
    splits = {"train": 500, "validation": 100, "test": 100}
    samples = [
        {"path": str(draw(images / f"sample-{n}.png", CLASSES[n % 2], chance)), "label": CLASSES[n % 2]}
        for n in range(24)
    ]
    items = [item(images, number, chance) for number in range(65)]
    counts = {s: sum(i["status"] == s for i in items) for s in ("classified", "for_review", "failed")}
    stages: list[tuple[str, float, str, dict[str, Any]]] = [
        ("start", 1.6, "account 123456789012 in eu-west-1 answers at http://127.0.0.1:41877", {}),
        ("synth", 3.1, "settings valid, committed files fresh: dev 9 modules, prod 9 modules", {}),
        ("bootstrap", 12.5, "18 resources, deploy and plan sign in with GitHub's claims", {"resources": 18}),
        ("apply", 74.2, "125 resources, second plan empty", {
            "resources": sum(BY_TYPE.values()), "by_type": BY_TYPE, "apply_seconds": 61.0, "plan_seconds": 9.4,
            "second_plan": "empty"}),
        ("stage", 5.8, "1400 images of 2 classes, 1403 objects in s3://slipway-rehearsal-123456789012-data", {
            "images": {split: dict.fromkeys(CLASSES, amount) for split, amount in splits.items()},
            "samples": samples}),
        ("tune", 31.0, "4 trials of slipway-rehearsal-vehicles-tune, best validation:accuracy 0.957", {
            "name": "slipway-rehearsal-vehicles-tune", "strategy": "Bayesian", "best": {"job": "tune-002"},
            "objective": {"metric": "validation:accuracy", "value": 0.95},
            "trials": [{"job": f"tune-{n:03d}", "status": "Completed", "value": 0.93 + n / 100 if n < 3 else None,
                        "hyperparameters": {"learning_rate": f"0.00{n + 1}", "batch_size": "32"}} for n in range(4)],
            "envelope": {"vpc": True, "network_isolation": True}}),
        ("train", 38.4, "job vehicles-20260302-091532: 12 epochs, test:accuracy 0.965", {
            "job_name": "vehicles-20260302-091532", "seconds": 38.2, "epochs": [epoch(n) for n in range(1, 13)],
            "metrics": {"test:accuracy": 0.965, "test:loss": 0.1034, "test:macro_f1": 0.9648},
            "confusion": {"labels": list(CLASSES), "matrix": [[97, 3], [4, 96]]},
            "figures": [sheet(images / "reliability.png", "Reliability")],
            "companions": {"wheels": {"job_name": "wheels-1", "metrics": {"test:map": 0.81},
                                      "figures": [sheet(images / "curve.png", "Precision and recall")]}},
            "envelope": {"vpc": True, "network_isolation": True, "inter_container_encryption": True,
                         "max_runtime_s": 3600}}),
        ("register", 0.4, "slipway-rehearsal-vehicles/1 was pending, now approved", {
            "model_package_arn": "arn:aws:sagemaker:eu-west-1:123456789012:model-package/slipway-rehearsal-vehicles/1",
            "status": "Approved"}),
        ("promote", 41.7, "endpoint slipway-rehearsal-vehicles serves version 1 on 2 instances, plan empty", {
            "endpoint": "slipway-rehearsal-vehicles", "version": "1", "diff": DIFF, "seconds": 41.5, "instances": 2,
            "resources": sum(BY_TYPE.values()) + 3, "by_type": BY_TYPE | ENDPOINT_TYPES}),
        ("classify", 9.3, f"65 images twice: {counts['classified']} classified, {counts['for_review']} for review, "
         f"{counts['failed']} failed and told by SNS", {
            "counts": counts, "threshold": THRESHOLD, "executions": [], "items": items}),
        ("assess", 7.9, "12 claims: 5 filed, 6 for audit, 1 failed and told by SNS", {
            "counts": {"file": 5, "audit": 6, "failed": 1}, "figures": [sheet(images / "verdicts.png", "Verdicts")]}),
        ("load", 15.2, "13,912 requests, 0 failed, 1159/s, p95 9 ms (objective 150 ms)", load(chance)),
        ("prove", 18.9, "3 roles: 38 grants used, 9 with a reason; 1,704 forbidden calls refused", PROOF),
        ("destroy", 16.3, f"{sum(BY_TYPE.values()) + 3} resources destroyed, nothing left", {"left": []}),
    ]  # fmt: skip
    for number, (name, seconds, evidence, data) in enumerate(stages, start=1):
        record = {"name": name, "status": "passed", "started": "2026-03-02T09:14:05+00:00", "seconds": seconds}
        write(folder / "stages" / f"{number:02d}-{name}.json", {**record, "evidence": evidence, "data": data})
    return folder


def write(path: Path, content: Any) -> None:
    """Write JSON, making the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def change_stage(folder: Path, name: str, **changes: Any) -> Path:
    """Overwrite fields of a stage's record and return its path."""
    path = next((folder / "stages").glob(f"*-{name}.json"))
    write(path, {**json.loads(path.read_text()), **changes})
    return path


def sheet(path: Path, title: str) -> dict[str, str]:
    """Draw a plot of nothing in particular and return its description."""
    plot = np.full((300, 420, 3), 255, np.uint8)
    cv2.polylines(plot, [np.array([(x, 280 - x * x // 700) for x in range(20, 400, 4)])], False, (160, 90, 20), 2)  # type: ignore[list-item]
    cv2.imwrite(str(path), plot)
    return {"path": str(path), "title": title, "caption": f"{title} of drawn pictures.", "alt": f"{title}: a curve"}


def draw(path: Path, label: str, chance: random.Random) -> Path:
    """Draw a 32 x 32 two-wheeler: thin rings for a bicycle, thick ones and a body for a motorcycle."""
    ground = [chance.randint(120, 215) for _ in range(3)]
    picture = np.full((32, 32, 3), ground, np.uint8)
    cv2.rectangle(picture, (0, 24), (31, 31), [int(value * 0.7) for value in ground], -1)
    ink = [chance.randint(0, 70) for _ in range(3)]
    heavy, y = label == "motorcycle", 21 + chance.randint(-2, 2)
    for x in (8 + chance.randint(-1, 1), 23 + chance.randint(-1, 1)):
        cv2.circle(picture, (x, y), 6, ink, 3 if heavy else 1, cv2.LINE_AA)
    if heavy:
        cv2.ellipse(picture, (16, y - 6), (8, 3), 0, 0, 360, [chance.randint(0, 255) for _ in range(3)], -1)
    cv2.polylines(picture, [np.array([[8, y], [13, y - 8], [20, y - 8], [23, y], [15, y], [13, y - 8]])], False, ink, 1)
    noise = np.random.default_rng(chance.randint(0, 9999)).normal(0, 7, picture.shape)
    cv2.imwrite(str(path), np.clip(picture + noise, 0, 255).astype(np.uint8))
    return path


def item(folder: Path, number: int, chance: random.Random) -> dict[str, Any]:
    """One line of the manifest beside its picture: mostly sure, some doubtful, one wrong, one broken."""
    true_label = CLASSES[number % 2]
    path = draw(folder / f"{number:03d}.png", true_label, chance)
    key = f"vehicles/incoming/rehearsal-1/{true_label}-{number:03d}.png"
    shown = {"key": key, "image": str(path), "true_label": true_label, "threshold": THRESHOLD}
    if number == 64:
        path.write_bytes(path.read_bytes()[:20])
        reason = "TruncatedImage: image.size = 20: the object ends inside the image's header. Upload it again"
        return shown | {"status": "failed", "true_label": "truncated", "reason": reason, "label": None,
                        "probability": None, "predictions": []}  # fmt: skip
    label, probability = true_label, 1 - 0.05 * chance.random() ** 2
    if number % 9 == 4:
        probability = 0.52 + 0.4 * chance.random()
    if number == 23:
        label, probability = CLASSES[(number + 1) % 2], 0.958
    other = next(name for name in CLASSES if name != label)
    return shown | {
        "status": "classified" if probability >= THRESHOLD else "for_review",
        "label": label,
        "probability": probability,
        "reason": None,
        "predictions": [
            {"label": label, "index": 0, "probability": probability},
            {"label": other, "index": 1, "probability": 1 - probability},
        ],
    }


def epoch(number: int) -> dict[str, float]:
    """Figures of one training epoch."""
    rest = math.exp(-number / 3)
    return {
        "epoch": number,
        "train:loss": 0.08 + 0.6 * rest,
        "validation:loss": 0.11 + 0.5 * rest + 0.02 * math.sin(number * 2),
        "validation:accuracy": 0.97 - 0.42 * rest - 0.01 * math.sin(number * 2),
    }


def load(chance: random.Random) -> dict[str, Any]:
    """A load test of twelve seconds."""
    samples = [
        {"t": second + 0.001, "users": 8, "rps": 1159 + 60 * chance.uniform(-1, 1), "failures": 0,
         "p50_ms": 6.4 + chance.uniform(-0.4, 0.4), "p95_ms": 9.1 + chance.uniform(-1.2, 1.8)}
        for second in range(1, 13)
    ]  # fmt: skip
    checks = [
        {"name": "failures", "limit": 0.0, "actual": 0.0, "passed": True},
        {"name": "p95_ms", "limit": 150, "actual": 9.2, "passed": True},
    ]
    return {
        "requests": 13912, "failures": 0, "rps": 1159.3, "p50_ms": 6.4, "p95_ms": 9.2, "p99_ms": 12.8, "users": 8,
        "errors": [], "samples": samples, "slo": {"p95_ms": 150, "failures": 0.0, "passed": True, "checks": checks},
    }  # fmt: skip
