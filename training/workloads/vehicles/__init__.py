"""Bicycles and motorcycles: data, training script and description."""
