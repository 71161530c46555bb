"""From an archive to a staged dataset: fetch, read safely, split without leakage, lay out, upload."""

AUGMENTED = "augmented"
"""Folder of altered versions in the folder of the images that they were made from."""
