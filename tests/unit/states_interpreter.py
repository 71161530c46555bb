"""Runs a state machine definition in moto's interpreter, in process, with Lambda replaced by Python functions.

moto 5.2.5 leaves three things out of Distributed Maps, which are added here: the ResultWriter writes an empty manifest,
a listing with nothing in it crashes, and a listing's items hold datetimes instead of numbers.
"""

from __future__ import annotations

import functools
import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

import boto3
from moto import mock_aws
from moto.core.config import default_user_config
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.eval import resource_eval_s3 as reader
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor import (
    distributed_item_processor_worker as worker,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.result_writer.resource_eval import (
    resource_eval_s3 as writer,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

ROLE = "arn:aws:iam::123456789012:role/any"
Lambdas = dict[str, Callable[[Any], Any]]

# Parsing takes most of a second, and moto parses again for every execution.
_parse = functools.cache(AmazonStateLanguageParser.parse)


@contextmanager
def interpreter(functions: Lambdas) -> Iterator[None]:
    """Start moto with its interpreter on; ``functions`` maps what the definition calls FunctionName to Python."""
    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(default_user_config["stepfunctions"], {"execute_state_machine": True}))
        stack.enter_context(mock_aws())
        _patch(stack, functions)
        yield


def run(definition: str, given: Any, name: str, deadline_s: float = 60) -> dict[str, Any]:
    """Run one execution to its end; returns the description, with ``output`` parsed and ``history`` added."""
    client = boto3.client("stepfunctions", "eu-west-1")
    existing = {one["name"]: one["stateMachineArn"] for one in client.list_state_machines()["stateMachines"]}
    arn = (
        existing.get("classify")
        or client.create_state_machine(name="classify", definition=definition, roleArn=ROLE)["stateMachineArn"]
    )
    execution = client.start_execution(stateMachineArn=arn, name=name, input=json.dumps(given))["executionArn"]
    end = time.monotonic() + deadline_s
    while (described := client.describe_execution(executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < end, f"{name} still runs after {deadline_s} s"
        time.sleep(0.02)
    described["history"] = client.get_execution_history(executionArn=execution, maxResults=1000)["events"]
    if "output" in described:
        described["output"] = json.loads(described["output"])
    return described


def _patch(stack: ExitStack, functions: Lambdas) -> None:
    """Replace, until ``stack`` closes, what the interpreter calls for functions, listings, results and pauses."""
    children: list[dict[str, Any]] = []
    for target, attribute, replacement in (
        (lambda_eval_utils, "_invoke_lambda_function", _invoker(functions)),
        (worker.DistributedItemProcessorWorker, "_eval_job", _recorder(children)),
        (reader.ResourceEvalS3, "_handle_list_objects_v2", staticmethod(_list)),
        (writer.ResourceEvalS3, "_handle_put_object", staticmethod(_writer(children))),
        (AmazonStateLanguageParser, "parse", _parse),
        (retrier_decl, "time", SimpleNamespace(sleep=lambda _: None)),
    ):
        stack.enter_context(mock.patch.object(target, attribute, replacement))


def _invoker(functions: Lambdas) -> Callable[..., dict[str, Any]]:
    def invoke(parameters: dict[str, Any], region: str, state_credentials: Any) -> dict[str, Any]:
        try:
            answer = functions[parameters["FunctionName"]](json.loads(parameters["Payload"]))
            return {"StatusCode": 200, "ExecutedVersion": "1", "Payload": json.loads(json.dumps(answer))}
        except Exception as error:
            return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": _error(error)}

    return invoke


def _error(error: Exception) -> dict[str, Any]:
    """Return what the Lambda runtime answers for an exception."""
    trace = ['  File "/var/task/common/entry.py", line 50, in handled\n    raise known from None\n']
    name = type(error).__name__
    return {"errorMessage": str(error), "errorType": name, "requestId": str(uuid.uuid4()), "stackTrace": trace}


def _recorder(children: list[dict[str, Any]]) -> Callable[..., None]:
    """Return the worker's method that runs one child, which also notes the child's input and output."""
    run_job = worker.DistributedItemProcessorWorker._eval_job

    def eval_job(self: Any, env: Any, job: Any) -> None:
        select_input = self._eval_input
        selected: list[str] = []

        def select(env_frame: Any) -> None:
            select_input(env_frame=env_frame)
            selected.append(json.dumps(env_frame.states.get_input()))

        self._eval_input = select
        try:
            run_job(self, env, job)
        finally:
            del self._eval_input
        child = {"Name": str(uuid.uuid4()), "Input": selected[0]}
        if job.job_output is None:
            child |= {"Status": "FAILED", "Error": "States.Runtime", "Cause": "see the interpreter's log"}
        else:
            child |= {"Status": "SUCCEEDED", "Output": json.dumps(job.job_output)}
        children.append(child)

    return eval_job


def _list(env: Any, resource_runtime_part: Any, state_credentials: Any) -> None:
    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(**env.stack.pop())
    found = [one for page in pages for one in page.get("Contents", [])]
    env.stack.append([{"Key": one["Key"], "Size": one["Size"], "Etag": one["ETag"]} for one in found])


def _writer(children: list[dict[str, Any]]) -> Callable[..., None]:
    def write(env: Any, resource_runtime_part: Any, state_credentials: Any) -> None:
        target = env.stack.pop()
        env.stack.pop()  # the outputs, which the children hold as well
        run_arn = env.map_run_record_pool_manager.get_all().pop().map_run_arn
        folder = f"{target['Prefix'].rstrip('/')}/{run_arn.split(':')[-1]}"
        files: dict[str, list[dict[str, Any]]] = {"SUCCEEDED": [], "FAILED": [], "PENDING": []}

        def put(key: str, content: Any) -> int:
            body = json.dumps(content).encode()
            boto3.client("s3").put_object(Bucket=target["Bucket"], Key=key, Body=body)
            return len(body)

        for status in ("SUCCEEDED", "FAILED"):
            if group := [child for child in children if child["Status"] == status]:
                key = f"{folder}/{status}_0.json"
                files[status].append({"Key": key, "Size": put(key, group)})
        children.clear()
        key = f"{folder}/manifest.json"
        put(key, {"DestinationBucket": target["Bucket"], "MapRunArn": run_arn, "ResultFiles": files})
        env.stack.append({"MapRunArn": run_arn, "ResultWriterDetails": {"Bucket": target["Bucket"], "Key": key}})

    return write
