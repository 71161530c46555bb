"""Lambda functions, a folder each; ``python -m functions.build`` packs them."""
