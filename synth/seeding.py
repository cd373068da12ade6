"""Seeds derived from names, so that everything random is a function of the run's seed and of what
it is for, and nothing depends on the order in which work happens to be done."""

from __future__ import annotations

import hashlib
import random


def derive_seed(*parts: str | int) -> int:
    """A 31-bit seed from `parts`; stable across machines and Python versions."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big") >> 1


def generator(*parts: str | int) -> random.Random:
    """A random generator seeded from `parts`."""
    return random.Random(derive_seed(*parts))
