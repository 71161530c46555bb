"""The inference server of SageMaker's container contract: onnxruntime behind raw ASGI, no torch."""
