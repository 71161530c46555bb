"""Workloads, their data, their training jobs and the server that answers with their models."""

import os

# onnxruntime's published builds send a device's lasting identity, names and hashes of models to Microsoft, unless this
# is set before the library is loaded (https://github.com/microsoft/onnxruntime/pull/27379, since 1.29).
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
