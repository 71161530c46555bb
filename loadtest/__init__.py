"""Load generation against a deployed endpoint or function, and the gate that judges what was measured."""
