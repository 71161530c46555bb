"""Image URIs as the SDK resolves them: JSON of what is wanted on standard input, JSON of URIs on standard output.

In: ``{"regions": [...], "images": {name: {"framework": ..., ...}}}``, with the keywords of image_uris.retrieve.
Out: ``{"sdk": version, "images": {region: {name: uri}}}``; what AWS does not have in a region is left out.
"""

from __future__ import annotations

import contextlib
import json
import sys
from importlib.metadata import version


def main() -> None:
    from sagemaker.core import image_uris  # noqa: PLC0415  (seconds; and it prints, which must not reach the answer)

    wanted = json.load(sys.stdin)
    found: dict[str, dict[str, str]] = {}
    for region in wanted["regions"]:
        found[region] = {}
        for name, keywords in wanted["images"].items():
            with contextlib.suppress(ValueError):  # the SDK's word for a region or version that there is not
                found[region][name] = image_uris.retrieve(region=region, **keywords)
    json.dump({"sdk": version("sagemaker"), "images": found}, sys.__stdout__ or sys.stdout)


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        main()
