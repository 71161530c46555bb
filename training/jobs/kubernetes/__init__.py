"""Requests to SageMaker as resources of a Kubernetes cluster that runs ACK's controller for SageMaker."""
