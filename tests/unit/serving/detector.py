"""A detector whose answers are known: the same boxes for any image, scored by its colour."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.unit.serving.serving_server import DESCRIPTION

CHANGES: dict[str, Any] = {
    "workload": "finder",
    "task": "detection",
    "classes": ["red", "green", "blue"],
    "input": DESCRIPTION["input"] | {"mean": [0.0] * 3, "std": [1.0] * 3},
    "score_floor": 0.25,
    "nms_iou": 0.5,
    "max_boxes": 3,
}
BOXES = [[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 0.5, 0.45], [0.5, 0.25, 1.25, 0.75], [0.2, 0.2, 0.2, 0.9]]
"""In shares of the image; the second lies within the first, the third leaves the image, the fourth has no area."""


def write_detector(folder: Path, boxes: list[list[float]] = BOXES, **changes: object) -> Path:
    """A model that answers the same boxes for any image, each with the mean of every channel as its scores."""
    node = helper.make_node
    constant = helper.make_tensor("all", TensorProto.FLOAT, [1, len(boxes), 4], np.array(boxes, np.float32).ravel())
    shape = helper.make_tensor("shape", TensorProto.INT64, [3], [-1, 1, 1])
    ones = helper.make_tensor("ones", TensorProto.FLOAT, [1, len(boxes), 1], [1.0] * len(boxes))
    nodes = [
        node("ReduceMean", ["images"], ["means"], axes=[2, 3], keepdims=0),
        node("Unsqueeze", ["means", "axis"], ["column"]),
        node("Mul", ["column", "ones"], ["scores"]),
        node("ReduceMean", ["images"], ["level"], axes=[1, 2, 3], keepdims=0),
        node("Reshape", ["level", "shape"], ["cell"]),
        node("Sub", ["cell", "cell"], ["nothing"]),
        node("Add", ["nothing", "all"], ["boxes"]),
    ]
    axis = helper.make_tensor("axis", TensorProto.INT64, [1], [1])
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, 16, 16])
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("boxes", "scores")]
    graph = helper.make_graph(nodes, "finder", [images], outputs, [constant, shape, ones, axis])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(folder / "model.onnx"))
    (folder / "model.json").write_text(json.dumps(DESCRIPTION | CHANGES | changes))
    return folder
