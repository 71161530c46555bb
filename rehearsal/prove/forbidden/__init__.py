"""Calls that must be refused: every role tries what it was never meant to do, with real signed requests.

What a role is meant to do is written down here by hand, apart from the policies, so that a policy that grants too much
shows. Families that belong together stand in one module; each is a function from the world to its attempts.
"""

from __future__ import annotations
