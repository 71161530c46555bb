"""Hyperparameter tuning: trials that are real training jobs, proposed by strategies of our own."""
