"""Look at images before they are staged: what is wrong, what training would make of it, what can be mended."""
