"""Item readers of Distributed Map: whole listings instead of the first page, and JSON Lines."""

from __future__ import annotations

import json
from typing import Any


def install() -> None:
    """Change the interpreter's S3 reader."""
    _list_everything()
    _read_json_lines()


def _list_everything() -> None:
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.eval.resource_eval_s3 import (
        ResourceEvalS3,
    )

    def list_objects(env: Any, resource_runtime_part: Any, state_credentials: Any) -> None:
        client = ResourceEvalS3._get_s3_client(resource_runtime_part, state_credentials)
        pages = client.get_paginator("list_objects_v2").paginate(**env.stack.pop())
        env.stack.append([_item(found) for page in pages for found in page.get("Contents", [])])

    ResourceEvalS3._handle_list_objects_v2 = staticmethod(list_objects)
    ResourceEvalS3._handle_list_objects_v_2 = staticmethod(list_objects)


def _item(found: dict[str, Any]) -> dict[str, Any]:
    """Return one listed object in the shape that a child execution receives."""
    return {
        "Etag": found["ETag"],
        "Key": found["Key"],
        "LastModified": found["LastModified"].timestamp(),
        "Size": found["Size"],
        "StorageClass": found.get("StorageClass", "STANDARD"),
    }


def _read_json_lines() -> None:
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader import item_reader_decl
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.eval.resource_output_transformer import (  # noqa: E501
        transformer,
    )
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.reader_config import input_type

    class Lines(transformer.ResourceOutputTransformer):
        """One item per line that is not empty."""

        def _eval_body(self, env: Any) -> None:
            config = env.stack.pop()
            lines = [line for line in env.stack.pop().splitlines() if line.strip()]
            env.stack.append([json.loads(line) for line in lines[: config["MaxItemsValue"]]])

    transformer_for = item_reader_decl.resource_output_transformer_for
    init = input_type.InputType.__init__

    def with_lines(input_type: Any) -> Any:
        return Lines() if input_type.input_type_value == "JSONL" else transformer_for(input_type=input_type)

    def __init__(self: Any, input_type: str) -> None:  # noqa: N807
        if input_type == "JSONL":
            self.input_type_value = input_type
        else:
            init(self, input_type)

    item_reader_decl.resource_output_transformer_for = with_lines
    input_type.InputType.__init__ = __init__
