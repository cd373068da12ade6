"""Pictures per second of the preview renderer on one core, with a cold and a warm cache.

    python benchmarks/preview.py [--n 600] [--size 512]

The prompts are drawn from the keyword banks in the way a template draws them: a subject, a scene,
sometimes a light and a style. JPEG encoding (quality 95) is counted as well, since the engine does it.
"""

from __future__ import annotations

import argparse
import io
import random
import time
from pathlib import Path

from synth.backends.render.base import RenderRequest, RenderSettings
from synth.backends.render.preview import Preview

BANKS = Path(__file__).resolve().parent.parent / "keyword_banks"
SUBJECTS = (
    "animal",
    "plant",
    "vehicle",
    "clothes",
    "furniture",
    "food",
    "profession",
    "object",
    "action",
    "abnormal_subject",
)


def entries(name: str) -> list[str]:
    path = BANKS / f"{name}.txt"
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.split("|")[0].strip() for line in lines if line.strip() and not line.startswith("#")]


def requests(n: int, size: int) -> list[RenderRequest]:
    rng = random.Random(1)
    subjects = [entry for name in SUBJECTS for entry in entries(name)] or [
        "a red fox",
        "grand piano",
        "school bus",
    ]
    scenes, lights, styles = (
        entries("scene") or ["forest"],
        ["sunset", "candlelight", "soft light", "moonlight", "fog"],
        entries("style") or ["oil painting"],
    )
    colours = entries("color") or ["red"]
    made = []
    for seed in range(n):
        subject = rng.choice(subjects)
        if rng.random() < 0.2:
            subject = f"{rng.choice(colours)} {subject}"
        keywords = [subject, rng.choice(scenes)]
        if rng.random() < 0.5:
            keywords.append(rng.choice(subjects))
        if rng.random() < 0.4:
            keywords.append(rng.choice(lights))
        if rng.random() < 0.15:
            keywords.append(rng.choice(styles))
        made.append(RenderRequest(", ".join(keywords), tuple(keywords), "", seed, size, size))
    return made


def measure(preview: Preview, work: list[RenderRequest]) -> tuple[float, float]:
    """Seconds in `render` and in encoding."""
    rendering = encoding = 0.0
    for at in range(0, len(work), 8):
        start = time.perf_counter()
        pictures = preview.render(work[at : at + 8])
        middle = time.perf_counter()
        for picture in pictures:
            picture.image.save(io.BytesIO(), "JPEG", quality=95)
        rendering += middle - start
        encoding += time.perf_counter() - middle
    return rendering, encoding


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=600)
    parser.add_argument("--size", type=int, default=512)
    options = parser.parse_args()
    preview = Preview.create("", RenderSettings(width=options.size, height=options.size))
    start = time.perf_counter()
    preview.start()
    print(f"start: {time.perf_counter() - start:.2f} s")
    work = requests(options.n, options.size)
    for name in ("cold", "warm", "warm"):
        rendering, encoding = measure(preview, work)
        print(
            f"{name}: {len(work) / rendering:.0f} pictures/s rendering, "
            f"{len(work) / (rendering + encoding):.0f} pictures/s with JPEG ({options.size} px, one thread)"
        )


if __name__ == "__main__":
    main()
