"""The head of the page, the trip stage by stage, and what all of it proves."""

from __future__ import annotations

from typing import Any

from loadtest.report.values import count, duration, mapping, milliseconds, number, percent, text
from rehearsal.report.records import RunRecord, StageRecord

SYNTHETIC = (
    "The images are drawn by a program. Accuracy here shows that the path works, and says nothing about how well a "
    "model does on photographs."
)

VERDICTS = {
    "passed": "Rehearsal passed",
    "failed": "Rehearsal failed",
    "interrupted": "Rehearsal interrupted",
}

# What a stage shows when it passes. Each sentence must be something that stage would have failed without.
CLAIMS = {
    "synth": "The settings of every environment are valid, and the committed Terraform is what they say.",
    "apply": "Terraform and HashiCorp's own provider built the environment from production's modules, in one go, "
    "and a second plan found nothing to change.",
    "stage": "The data code writes the layout that training reads, into a bucket with its own key and policy.",
    "tune": "A search over hyperparameters ran real trials, every one of them inside the whole secure envelope.",
    "train": "The retraining state machine ran the unchanged training script under SageMaker's container contract, "
    "and the model passed its quality gate.",
    "register": "A new model waited in the registry until it was approved.",
    "promote": "A change to one reviewed file brought the approved model up behind the endpoint, and nothing else.",
    "classify": "The workflow put every input into its manifest exactly once, sent doubtful images to review, and "
    "survived a broken image, which was reported.",
    "assess": "Claims took every branch of the business rule, each was written down exactly once although events came "
    "twice, with the evidence of its verdict, and what could not be read was reported.",
    "load": "The endpoint kept its latency objective under concurrent users, with no more failed requests than that "
    "allows.",
    "prove": "No role of the environment holds a right that it did not use, unless the reason stands beside it; every "
    "forbidden call was refused, in the name of every role, while the allowed ones beside them went through; and no "
    "workload has a way out but the endpoints of the services it calls.",
    "destroy": "Taking the environment down left nothing behind.",
}

LIMITS = (
    "Nothing here ran on AWS. Calls went to an embedded AWS on this machine: its answers follow AWS's documentation, "
    "and can be wrong where that is silent.",
    "Latency and throughput are this machine's. They size no instance and no fleet.",
    "No container image was built or pulled. Training and serving ran as processes in this repository's own Python.",
    "The network was configured, not crossed: that packets cannot leave the VPC follows from the configuration.",
    "Service quotas, prices, start-up times and regional availability were not met.",
)


def head(run: RunRecord) -> dict[str, Any]:
    """Return verdict, summary, data source and the few figures worth reading first."""
    result = text(run.facts.get("result"), 20) or _result(run)
    source, synthetic = text(run.facts.get("source_title"), 200), run.facts.get("synthetic")
    label = {"True": "Synthetic data", "False": "Real data"}.get(str(synthetic), "Data source")
    explanation = f"{source or 'The run did not record its data source'}. {SYNTHETIC if synthetic is True else ''}"
    return {
        "result": result,
        "verdict": VERDICTS.get(result, "Rehearsal without a result"),
        "workload": text(run.facts.get("workload"), 80) or "unknown workload",
        "environment": text(run.facts.get("environment"), 80),
        "started": text(run.facts.get("started"), 40),
        "broken": next((stage for stage in run.stages if stage.status in {"failed", "interrupted"}), None),
        "source": {"label": label, "text": explanation.strip(), "synthetic": synthetic is True},
        "facts": [fact for fact in _key_figures(run) if fact["value"]],
    }


def timeline(run: RunRecord) -> dict[str, Any]:
    """Return the stages one after another, each with its place on a common scale."""
    total = sum(stage.seconds or 0.0 for stage in run.stages)
    rows, elapsed = [], 0.0
    for stage in run.stages:
        seconds = stage.seconds or 0.0
        rows.append({
            "name": stage.name,
            "status": stage.status,
            "ran": stage.seconds is not None,
            "time": duration(stage.seconds),
            "from": round(100 * elapsed / total, 3) if total else 0,
            "width": round(100 * seconds / total, 3) if total else 0,
            "evidence": stage.evidence,
        })  # fmt: skip
        elapsed += seconds
    return {"rows": rows, "total": duration(total) if total else "", "amount": len(rows)}


def claims(run: RunRecord) -> dict[str, Any]:
    """Return what this run has shown, what it would have shown, and what no rehearsal shows."""
    of_run = {name: claim for name, claim in CLAIMS.items() if any(stage.name == name for stage in run.stages)}
    shown = [{"stage": name, "text": claim} for name, claim in of_run.items() if run.stage(name).passed]
    missed = [
        {"stage": name, "status": run.stage(name).status, "text": claim}
        for name, claim in of_run.items()
        if not run.stage(name).passed
    ]
    speed = number(run.facts.get("speed"))
    limits = list(LIMITS)
    if speed and speed > 1:
        limits.append(
            f"Waits that AWS takes minutes for (canary bake, alarm periods, cooldowns) were divided by {speed:g}."
        )
    return {"shown": shown, "missed": missed, "limits": limits}


def versions(run: RunRecord) -> list[tuple[str, str]]:
    """Return the versions a run stood on, and the machine it ran on."""
    machine = mapping(run.facts.get("machine"))
    listed = [(text(name, 60), text(version, 60)) for name, version in mapping(run.facts.get("versions")).items()]
    if machine:
        listed.append(("machine", ", ".join(text(value, 60) for value in machine.values()) + " processors"))
    return listed


def _result(run: RunRecord) -> str:
    """A run that was killed wrote no result; its stages still tell one."""
    return "failed" if any(stage.status == "failed" for stage in run.stages) else "unknown"


def _key_figures(run: RunRecord) -> list[dict[str, str]]:
    applied, promoted, metrics = run.data("apply"), run.data("promote"), mapping(run.data("train").get("metrics"))
    counts, load = mapping(run.data("classify").get("counts")), run.data("load")
    accuracy = number(metrics.get("test:accuracy"))
    seconds = sum(stage.seconds or 0.0 for stage in run.stages)
    resources = number(promoted.get("resources")) or number(applied.get("resources"))
    return [
        _figure("from start to end", duration(seconds) if seconds else "", _stages_passed(run.stages)),
        _figure("AWS resources", count(resources) if resources else "", _second_plan(applied)),
        _figure("test accuracy", percent(accuracy) if accuracy is not None else "", _test_images(run)),
        _figure("images classified", _amount(counts, "classified"), _others(counts)),
        _figure("95th percentile", milliseconds(number(load.get("p95_ms"))) if load else "", _objective(load)),
        _figure("requests a second", count(number(load.get("rps"))) if load else "", _failures(load)),
    ]


def _figure(name: str, value: str, note: str) -> dict[str, str]:
    return {"name": name, "value": value, "note": note}


def _stages_passed(stages: list[StageRecord]) -> str:
    ran = [stage for stage in stages if stage.status not in {"not run", "skipped"}]
    return f"{sum(stage.passed for stage in ran)} of {len(ran)} stages passed"


def _second_plan(applied: dict[str, Any]) -> str:
    said = text(applied.get("second_plan"), 20)
    return f"second plan {said}" if said else ""


def _test_images(run: RunRecord) -> str:
    tested = mapping(mapping(run.data("stage").get("images")).get("test"))
    amounts = [number(amount) or 0 for amount in tested.values()]
    return f"on {sum(amounts):,.0f} test images" if amounts else ""


def _amount(counts: dict[str, Any], name: str) -> str:
    return count(number(counts.get(name)) or 0) if counts else ""


def _others(counts: dict[str, Any]) -> str:
    review, failed = (number(counts.get(name)) or 0 for name in ("for_review", "failed"))
    return f"{review:,.0f} for review, {failed:,.0f} failed"


def _objective(load: dict[str, Any]) -> str:
    limit = number(mapping(load.get("slo")).get("p95_ms"))
    return f"objective {limit:g} ms" if limit else ""


def _failures(load: dict[str, Any]) -> str:
    failures = number(load.get("failures"))
    return "" if failures is None else f"{failures:,.0f} failed of {count(number(load.get('requests')))}"
