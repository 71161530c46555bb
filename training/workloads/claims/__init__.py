"""Insurance claims: drawn car scenes, the detector that finds cars in photos, and the classifier that finds damage."""
