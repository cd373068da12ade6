"""Prompts per second and memory per prompt of the repetition filter alone, on distinct prompts."""

from __future__ import annotations

import argparse
import random
import resource
import time

from synth.filters.repetition import Repetition, RepetitionOptions

from synth.catalog import Catalog
from synth.records import Candidate, Entry, Image


def candidates(count: int) -> list[Candidate]:
    rng = random.Random(1)
    catalog = Catalog()
    subjects = [entry.text for entry in catalog.bank("animal").entries]
    words = [entry.text for name in ("object", "scene", "food", "plant") for entry in catalog.bank(name).entries]
    made = []
    for index in range(count):
        subject = subjects[index % len(subjects)]
        keywords = [subject, *(f"{rng.choice(words)} {rng.randrange(50)}" for _ in range(6))]
        made.append(
            Candidate(
                id=f"x-{index}", ability="animal", index=index, stage=1, seed=0, round=0,
                plan={"subject": Entry(text=subject)}, images=[Image(prompt="", keywords=keywords, seed=0)],
            )
        )  # fmt: skip
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=100_000)
    prompts = candidates(parser.parse_args().prompts)
    one = Repetition(RepetitionOptions(), Catalog().ability("animal"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    dropped = 0
    for candidate in prompts:
        if one.check(candidate, "prompt", ()).outcome == "pass":
            one.remember(candidate, "prompt")
        else:
            dropped += 1
    seconds = time.perf_counter() - began
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{len(prompts) / seconds:,.0f} prompts/s, {grown / len(prompts):.2f} KB per prompt, {dropped} dropped")


if __name__ == "__main__":
    main()
