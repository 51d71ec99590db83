"""SnapStart: many execution environments start as copies of one, with the same memory.

The copy is taken after the imports and before the first invocation, when nothing is open and nothing has been read yet:
see ``serverless``. What is left to do is to let no two copies throw the same dice, or ids of payments would collide.
"""

import random

import uuid_utils
from aws_lambda_powertools.utilities import parameters
from snapshot_restore_py import register_after_restore  # type: ignore[import-untyped] # it has none


def become_unique() -> None:
    """Forget what this environment has in common with other copies; ``secrets`` and TLS ask the kernel anyway."""
    random.seed()
    uuid_utils.reseed_rng()
    parameters.clear_caches()  # type: ignore[no-untyped-call] # the library does not say what it returns


def prepare() -> None:
    """Do so after each restore."""
    register_after_restore(become_unique)
