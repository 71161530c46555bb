"""State machines as the controls see them: every state at any depth, what a task calls, and what it hands over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.plan import Resource, UnreadableError, document, listed

State = Mapping[str, Any]

_TRAINING = "sagemaker:createTrainingJob"
_PROCESSING = "sagemaker:createProcessingJob"
_TUNING = "sagemaker:createHyperParameterTuningJob"
_TRANSFORM = "sagemaker:createTransformJob"
_MODEL = "sagemaker:createModel"

PACKAGE = "sagemaker:createModelPackage"
JOBS = (_TRAINING, _PROCESSING, _TUNING, _TRANSFORM, _MODEL)
RUNS = (_TRAINING, _PROCESSING, _TUNING)  # run code of ours by themselves: a transform job runs a model
WRITES = (*RUNS, _TRANSFORM)
ISOLATED = (*RUNS, _MODEL)  # a transform job's network is its model's


def states(machine: Resource) -> Iterator[tuple[str, State]]:
    """Each state of a state machine with its name, those within Map and Parallel too."""
    yield from _states(document(machine.values.get("definition")))


def _states(node: Any) -> Iterator[tuple[str, State]]:
    if not isinstance(node, dict) or not isinstance(node.get("States"), dict) or not node["States"]:
        raise UnreadableError("a state machine without states")
    for name, state in node["States"].items():
        if not isinstance(state, dict) or not isinstance(state.get("Type"), str):
            raise UnreadableError(f"state {name} has no Type")
        yield name, state
        for inner in [state.get("ItemProcessor"), state.get("Iterator"), *listed(state.get("Branches"))]:
            if inner:
                yield from _states(inner)


def tasks(machine: Resource, *calls: str) -> list[tuple[str, State]]:
    """Task states with their names; only those that call one of ``calls``, such as sagemaker:createTrainingJob."""
    return [
        (name, state)
        for name, state in states(machine)
        if state["Type"] == "Task" and (not calls or called(state) in calls)
    ]


def called(state: State) -> str:
    """service:operation of a task's integration, without aws-sdk, .sync or .waitForTaskToken; else its resource."""
    resource = str(state.get("Resource", ""))
    _, found, integration = resource.partition(":states:::")
    if not found:
        return resource
    service, _, operation = integration.removeprefix("aws-sdk:").partition(":")
    return f"{service}:{operation.split('.')[0]}"


def arguments(state: State) -> dict[str, Any]:
    """What a task hands over, in JSONPath's or JSONata's spelling; a field that a path sets too is not known.

    UnreadableError when both spellings stand there, or an expression gives the whole.
    """
    if "Parameters" in state and "Arguments" in state:
        raise UnreadableError("a task with Parameters and Arguments: only one of them counts")
    given = state.get("Parameters", state.get("Arguments", {}))
    if not isinstance(given, dict):
        raise UnreadableError("a task whose arguments are one expression")
    return {key: value for key, value in given.items() if f"{key}.$" not in given}


def job_requests(machine: Resource, *calls: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Requests of SageMaker jobs with the state's name; what processing keeps in NetworkConfig stands at the top."""
    for name, state in tasks(machine, *(calls or JOBS)):
        request = arguments(state)
        if called(state) == _TUNING:
            request = dict(request.get("TrainingJobDefinition") or {})
        network = request.get("NetworkConfig")
        yield name, request | (network if isinstance(network, dict) else {})


def starts(*calls: str) -> Any:
    """A chooser of the state machines that make one of these calls."""
    return lambda machine, _: bool(tasks(machine, *calls))
