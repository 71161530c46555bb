"""Workloads, their data, their training jobs and the server that answers with their models."""
