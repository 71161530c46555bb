"""A tuning job followed from its request to its end, trial by trial."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from training.errors import JobError
from training.jobs import cost, show
from training.jobs.follow import ENDED, POLL_S, JobFailedError

if TYPE_CHECKING:
    from training.jobs.client import Clients
    from training.jobs.cost import Price
    from training.jobs.show import Screen

Trial = dict[str, Any]


def tuning_job(
    clients: Clients, name: str, screen: Screen, one: Price | None, *, poll_s: float = POLL_S
) -> dict[str, Any]:
    """Show each trial as it ends and how far the search is; returns the last description.

    Raises
    ------
    JobFailedError
        It failed, or no trial had a result.
    """
    begun, told = time.monotonic(), set[str]()
    while True:
        described = describe(clients.sagemaker, name)
        found = trials(clients.sagemaker, name)
        for trial in found:
            if trial["TrainingJobStatus"] in ENDED and trial["TrainingJobName"] not in told:
                told.add(trial["TrainingJobName"])
                screen.print(_line(trial))
        if described["HyperParameterTuningJobStatus"] in ENDED:
            screen.end()
            report(clients, described, found, screen, one)
            return _passed(described)
        screen.progress(f"{state(described, found)}, {show.length(time.monotonic() - begun)}")
        time.sleep(poll_s)


def describe(sagemaker: Any, name: str) -> dict[str, Any]:
    """Describe a tuning job; JobError when there is none of that name."""
    from botocore.exceptions import ClientError  # noqa: PLC0415  (slow to import; usage need not wait for it)

    try:
        described: dict[str, Any] = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    except ClientError as error:
        told = error.response["Error"]
        raise JobError("JOB", name, f"{told['Code']}: {told['Message']}; `make status` lists jobs") from None
    return described


def trials(sagemaker: Any, name: str) -> list[Trial]:
    """All trials of a tuning job in the order of their names, which is that of their beginning."""
    found: list[Trial] = []
    asked: dict[str, Any] = {"HyperParameterTuningJobName": name, "MaxResults": 100, "SortBy": "Name"}
    while True:
        page = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(**asked, SortOrder="Ascending")
        found += page["TrainingJobSummaries"]
        if not page.get("NextToken"):
            return found
        asked["NextToken"] = page["NextToken"]


def value(trial: Trial) -> float | None:
    """The objective's last value in a trial."""
    metric = trial.get("FinalHyperParameterTuningJobObjectiveMetric")
    return None if metric is None else float(metric["Value"])


def ranked(described: dict[str, Any], found: list[Trial]) -> list[Trial]:
    """Trials, the best first, those without a result last."""
    goal = described["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["Type"]
    sign = -1.0 if goal == "Maximize" else 1.0

    def key(trial: Trial) -> tuple[bool, float]:
        got = value(trial)
        return got is None, 0.0 if got is None else sign * got

    return sorted(found, key=key)


def report(clients: Clients, described: dict[str, Any], found: list[Trial], screen: Screen, one: Price | None) -> None:
    """Print the trials, the best first, and what the search has cost."""
    config = described["HyperParameterTuningJobConfig"]
    searched = sorted({key for trial in found for key in trial.get("TunedHyperParameters", {})})
    objective = config["HyperParameterTuningJobObjective"]
    spent = [_spent(clients, trial, one) for trial in found]
    rows = [
        (
            _short(trial),
            trial["TrainingJobStatus"],
            "-" if (got := value(trial)) is None else show.number(got),
            *(plain(trial.get("TunedHyperParameters", {}).get(key, "-")) for key in searched),
            show.length(_seconds(trial)),
        )
        for trial in ranked(described, found)
    ]
    screen.print()
    right = (2, *range(3, 4 + len(searched)))
    screen.table(("trial", "status", objective["MetricName"], *searched, "time"), rows, right=right)
    known = [part for part in spent if part is not None]
    total = cost.usd(sum(known)) if len(known) == len(spent) and known else "unknown"
    screen.print()
    screen.print(f"search   {described['HyperParameterTuningJobName']}, {config['Strategy']}, {len(found)} trials")
    screen.print(f"status   {described['HyperParameterTuningJobStatus']}")
    screen.print(f"cost     {total}" + (f" ({one.source})" if one and known else ""))
    best = described.get("BestTrainingJob")
    if best:
        chosen = ", ".join(f"{key}={plain(text)}" for key, text in sorted(best["TunedHyperParameters"].items()))
        screen.print(f"best     {best['TrainingJobName']}: {chosen}")


def best_values(described: dict[str, Any]) -> dict[str, str]:
    """Hyperparameters of the best trial, as SageMaker's map of strings."""
    found = described.get("BestTrainingJob", {}).get("TunedHyperParameters", {})
    return {key: text.strip('"') for key, text in found.items()}


def is_trial(name: str) -> bool:
    """Whether a name is that of a trial: the tuning job's, three digits, eight hexadecimal ones."""
    return re.search(r"-[0-9]{3,}-[0-9a-f]{8}$", name) is not None


def _spent(clients: Clients, trial: Trial, one: Price | None) -> float | None:
    if one is None:
        return None
    return cost.spent(clients.sagemaker.describe_training_job(TrainingJobName=trial["TrainingJobName"]), one)


def _seconds(trial: Trial) -> float:
    begin, end = trial.get("TrainingStartTime"), trial.get("TrainingEndTime")
    return float((end - begin).total_seconds()) if begin and end else 0.0


def _short(trial: Trial) -> str:
    """`003-1a2b3c4d` of `<tuning job>-003-1a2b3c4d`."""
    return "-".join(trial["TrainingJobName"].rsplit("-", 2)[-2:])


def plain(text: str) -> str:
    """A number to four digits; anything else as it is, without the quotes that tuning puts around words."""
    text = text.strip('"')
    try:
        return text if text.lstrip("-").isdigit() else show.number(float(text))
    except ValueError:
        return text


def _line(trial: Trial) -> str:
    values = ", ".join(f"{key}={plain(text)}" for key, text in sorted(trial.get("TunedHyperParameters", {}).items()))
    got = value(trial)
    result = trial.get("FailureReason", "no value") if got is None else show.number(got)
    return f"trial {_short(trial)}  {trial['TrainingJobStatus']}  {result}  {values}"


def state(described: dict[str, Any], found: list[Trial]) -> str:
    """How far the search is, in a few words."""
    ended = sum(trial["TrainingJobStatus"] in ENDED for trial in found)
    most = described["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxNumberOfTrainingJobs"]
    parts = [f"{ended} of {most} trials ended", f"{len(found) - ended} running"]
    best = next((value(trial) for trial in ranked(described, found)), None)
    return ", ".join([*parts, *([f"best {show.number(best)}"] if best is not None else [])])


def _passed(described: dict[str, Any]) -> dict[str, Any]:
    name = described["HyperParameterTuningJobName"]
    if described["HyperParameterTuningJobStatus"] == "Failed":
        raise JobFailedError(f"tuning job {name} failed: {described.get('FailureReason', 'without a reason')}")
    if not described.get("BestTrainingJob"):
        raise JobFailedError(f"tuning job {name} ended without a trial that had a result: see the logs of its trials")
    return described
