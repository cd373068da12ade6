"""Does the scorer `imagenet_labels` rank captions, and where does its threshold lie?

    pip install 'synth-vlit[labels]' scikit-image scikit-learn
    python benchmarks/imagenet_labels.py

Ten photographs that come with scikit-image and scikit-learn, each with a caption and an answer as our
dialogues have them: each picture should like its own text best. The threshold is then looked at with
seven other pictures that had no say in anything.
"""

from __future__ import annotations

import statistics

import skimage.data
import torch
from PIL import Image
from sklearn.datasets import load_sample_image

from synth.backends.render.base import Rendered
from synth.backends.score.base import ScoreRequest, ScoreSettings
from synth.backends.score.labels import ImageNetLabels

TEXTS = {
    "astronaut": "A smiling woman in an orange astronaut suit stands before a flag and a model of a spacecraft.",
    "camera": "A man in a dark coat looks through a camera on a tripod on a lawn.",
    "chelsea": "A ginger tabby cat looks into the camera with green eyes.",
    "coffee": "A cup of coffee with a spoon on a saucer on a wooden table.",
    "coins": "Rows of old coins lie on a dark surface.",
    "rocket": "A rocket stands on its launch pad in the evening.",
    "stereo_motorcycle": "A motorcycle is parked in a garage between tools.",
    "china.jpg": "A Chinese temple pavilion with a curved roof behind trees.",
    "flower.jpg": "A large red and yellow dahlia flower in bloom against green leaves.",
    "clock": "A wall clock shows the time.",
}
OTHERS = {
    "brick": "A wall of red bricks with pale mortar between them.",
    "grass": "Green blades of grass cover a meadow.",
    "gravel": "Small grey stones lie on the ground.",
    "page": "A page of printed text lies on a table.",
    "hubble_deep_field": "Many galaxies shine in the black night sky.",
    "moon": "Craters cover the grey surface of the moon.",
    "retina": "The orange background of an eye with fine blood vessels.",
}


def picture(name: str) -> Image.Image:
    if name.endswith(".jpg"):
        return Image.fromarray(load_sample_image(name)).convert("RGB")
    found = getattr(skimage.data, name)()
    return Image.fromarray(found[0] if isinstance(found, tuple) else found).convert("RGB")


def table(scorer: ImageNetLabels, texts: dict[str, str]) -> list[list[float]]:
    """Score of each picture against each text."""
    return [
        [
            score.dialogue or 0.0
            for score in scorer.score([ScoreRequest(Rendered(shown), (), t) for t in texts.values()])
        ]
        for shown in map(picture, texts)
    ]


def main() -> None:
    torch.set_num_threads(1)
    scorer = ImageNetLabels.create("", ScoreSettings())
    scorer.start()
    first = table(scorer, TEXTS)
    right = 0
    for place, (name, row) in enumerate(zip(TEXTS, first, strict=True)):
        rank = sorted(row, reverse=True).index(row[place]) + 1
        right += rank == 1
        print(f"{name:18} own text {row[place]:.3f}, rank {rank:2}  {', '.join(scorer.labels(picture(name)))}")
    print(f"own text first: {right} of {len(TEXTS)}")
    second = table(scorer, OTHERS)
    for title, found in (("ten photographs", first), ("seven others", second)):
        own = [row[place] for place, row in enumerate(found)]
        other = [score for place, row in enumerate(found) for at, score in enumerate(row) if at != place]
        print(f"{title}: own text {statistics.mean(own):.3f}, another's {statistics.mean(other):.3f} on average")
        for threshold in (0.15, 0.2, 0.25, 0.3):
            kept = sum(score > threshold for score in own)
            dropped = sum(score <= threshold for score in other)
            print(f"  above {threshold}: keeps {kept} of {len(own)}, drops {dropped} of {len(other)} wrong pairs")


if __name__ == "__main__":
    main()
