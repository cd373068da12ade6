"""SmolLM2-135M as vLLM wants it: the test model's GGUF file, whose format vLLM refuses, with its weights unpacked.

python tests/with_vllm/smollm.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from synth.backends import models


def unpack(folder: Path) -> Path:
    """The folder with configuration, tokenizer and weights in float32; made once."""
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    weights = folder / "model.safetensors"
    if weights.is_file():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    file = models.fetch("smollm2-135m")
    place = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    model = AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(**place)
    tokenizer.save_pretrained(folder)
    del model.config.quantization_config  # it says GGUF, which the weights are no longer
    model.config.save_pretrained(folder)
    # Not `model.save_pretrained`: it refuses models that came from a GGUF file.
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items() if name != "lm_head.weight"}
    part = weights.with_suffix(".part")
    save_file(state, part, metadata={"format": "pt"})
    part.replace(weights)
    return folder


if __name__ == "__main__":
    print(unpack(Path(sys.argv[1])))
