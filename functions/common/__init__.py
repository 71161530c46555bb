"""What the functions share. ``functions.build`` puts the modules a handler imports beside it as ``common/``."""
