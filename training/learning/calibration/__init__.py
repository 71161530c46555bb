"""Probabilities that can be taken at their word: fitted, chosen, judged, turned into decisions, and drawn."""
