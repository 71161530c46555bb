"""CDK for Terraform, imported in this one place.

HashiCorp archived cdktf in December 2025; cdktn (CDK Terrain) carries the same API on. Everything else here says
`cdktf`, so that a change of package is a change of one line.
"""

from __future__ import annotations

import os
import shutil

from terraform.stacks.settings.errors import Problem, SettingsError

# jsii greets every Node release outside its support window with a banner of ten lines. The text that is synthesised
# does not depend on the release, and the committed files are compared byte by byte, so the banner tells nothing.
_NODE_RELEASES = ",".join(str(release) for release in range(16, 60))
for _warning in ("DEPRECATED", "END_OF_LIFE", "UNTESTED"):
    os.environ.setdefault(f"JSII_SILENCE_WARNING_{_warning}_NODE_VERSION", _NODE_RELEASES)

if shutil.which("node") is None:
    raise SettingsError("synth", [Problem("PATH", "Node.js (node)", "run 'make setup', or install Node 18 or later")])

import cdktn as cdktf  # noqa: E402 - the variables above must be set before jsii starts its process

__all__ = ["cdktf"]
