"""Batch transform jobs: a model's own server asked for every record of the input."""
