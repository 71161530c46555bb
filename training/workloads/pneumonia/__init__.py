"""Chest radiographs with and without pneumonia: data, training script and description."""
