"""The committed evidence is what follows from the Terraform that lies here."""

from __future__ import annotations

import pytest

from rehearsal.prove import sides
from rehearsal.prove.pages import pages, stale

pytestmark = pytest.mark.provider


def test_evidence_pages_are_fresh(terraform_environment: dict[str, str]) -> None:
    assert terraform_environment
    assert stale(pages(sides.rehearsed_plans(), sides.every_environment())) == [], "run `make docs`, review, commit"
