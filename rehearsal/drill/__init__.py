"""The drill: a bad model is promoted while load runs, and nothing that was asked goes without an answer."""
