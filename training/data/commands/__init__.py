"""The commands of `python -m training.data`, one file each: `add` describes the arguments, `run` does it."""
