"""What the image side gives: our renderer next to the plain loop, every lever, the share of time the GPU works, CLIP.

No downloads: the models have the real sizes and random weights, which take as long as trained ones and draw noise.
The plain loop is what StableLLaVA's script does: one prompt per call, float16, one picture saved after the other.
Without a GPU everything runs small (a few pixels, tiny models, float32): that proves the script, no more, and 'make
test-render' does it, so that the script does not rot between two GPUs.

    python benchmarks/gpu.py                                   # all of it; on one H100 about half an hour
    python benchmarks/gpu.py --models sdxl --parts loop levers # as much as fits into one session
    python benchmarks/gpu.py --parts busy clip --seconds 60

Prints one line of JSON per measurement; --out FILE appends them there, too.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1]))

PROMPT = "((red fox)), snow, wooden hut, birch forest, warm light, photo"
PARTS = ("loop", "levers", "busy", "clip")


@dataclass(frozen=True)
class Job:
    """A model, and how it is run; `batches` are the sizes that are tried."""

    model: str
    side: int
    steps: int
    guidance: float
    batches: tuple[int, ...]


JOBS = {
    "sd15": Job("sd15", 512, 30, 7.5, (1, 4, 8, 16, 32)),
    "sdxl": Job("sdxl", 1024, 30, 5.0, (1, 4, 8, 16)),
    "sdxl-50": Job("sdxl", 1024, 50, 5.0, (8,)),
    "turbo": Job("sdxl", 512, 1, 0.0, (1, 8, 32, 64)),
}


# -- models of the real sizes -----------------------------------------------------------------


def build(model: str, folder: Path, real: bool) -> Path:
    """A saved pipeline with random weights; small where there is no GPU."""
    from tests.backends import pipelines

    if not (folder / "model_index.json").exists():
        if real:
            _real(model, folder)
        else:
            {"sd15": pipelines.sd15, "sdxl": pipelines.sdxl}[model](folder)
    return folder


def _real(model: str, folder: Path) -> None:
    import torch
    from diffusers import (
        AutoencoderKL,
        DDIMScheduler,
        EulerDiscreteScheduler,
        StableDiffusionPipeline,
        StableDiffusionXLPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    from tests.backends.pipelines import clip_tokenizer

    def encoder(cls: Any, width: int, layers: int, heads: int, projection: int) -> Any:
        tokenizer = clip_tokenizer()
        config = CLIPTextConfig(
            vocab_size=49408, hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers,
            num_attention_heads=heads, projection_dim=projection, eos_token_id=tokenizer.eos_token_id,
            bos_token_id=tokenizer.bos_token_id, pad_token_id=tokenizer.pad_token_id,
        )  # fmt: skip
        return cls(config)

    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float16)
    try:
        with torch.device("cuda"):
            vae = AutoencoderKL(
                block_out_channels=[128, 256, 512, 512], layers_per_block=2, sample_size=512, latent_channels=4,
                down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4,
                scaling_factor=0.13025 if model == "sdxl" else 0.18215, force_upcast=model == "sdxl",
            )  # fmt: skip
            with torch.no_grad():  # what it draws should not be taken for blank
                vae.decoder.conv_out.weight.mul_(6)
            small = encoder(CLIPTextModel, 768, 12, 12, 768)
            if model == "sd15":
                unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768)
                made: Any = StableDiffusionPipeline(
                    vae=vae, text_encoder=small, tokenizer=clip_tokenizer(), unet=unet,
                    scheduler=DDIMScheduler(beta_schedule="scaled_linear", clip_sample=False, steps_offset=1),
                    safety_checker=None, feature_extractor=None, requires_safety_checker=False,
                )  # fmt: skip
            else:
                unet = UNet2DConditionModel(
                    sample_size=128,
                    block_out_channels=(320, 640, 1280),
                    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
                    up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
                    transformer_layers_per_block=(1, 2, 10), attention_head_dim=(5, 10, 20), cross_attention_dim=2048,
                    addition_embed_type="text_time", addition_time_embed_dim=256,
                    projection_class_embeddings_input_dim=2816, use_linear_projection=True,
                )  # fmt: skip
                made = StableDiffusionXLPipeline(
                    vae=vae, text_encoder=small, tokenizer=clip_tokenizer(), unet=unet,
                    text_encoder_2=encoder(CLIPTextModelWithProjection, 1280, 32, 20, 1280),
                    tokenizer_2=clip_tokenizer(), scheduler=EulerDiscreteScheduler(beta_schedule="scaled_linear"),
                )  # fmt: skip
    finally:
        torch.set_default_dtype(before)
    made.save_pretrained(folder)


# -- measuring --------------------------------------------------------------------------------


class Bench:
    """Where models are kept, how long a measurement takes, and where its line goes."""

    def __init__(self, folder: Path, seconds: float, out: Path | None) -> None:
        import torch

        self.real = torch.cuda.is_available()
        self.folder = folder
        self.device = "cuda:0" if self.real else "cpu"
        self.seconds = seconds if self.real else 1.0
        self.failed = 0
        self._out = out
        self.say(
            "machine",
            device=torch.cuda.get_device_name() if self.real else "cpu, small models",
            torch=torch.__version__,
        )

    def say(self, what: str, **values: Any) -> None:
        line = json.dumps({"what": what, **{k: round(v, 3) if isinstance(v, float) else v for k, v in values.items()}})
        print(line, flush=True)
        if self._out is not None:
            with open(self._out, "a") as file:
                file.write(line + "\n")

    def job(self, name: str) -> Job:
        job = JOBS[name]
        return job if self.real else Job(job.model, 64, min(job.steps, 3), job.guidance, job.batches[:2])

    def model(self, name: str) -> Path:
        return build(JOBS[name].model, self.folder / JOBS[name].model, self.real)

    def rate(self, call: Callable[[], int]) -> tuple[float, float, float]:
        """Pictures per second after one warm call, the seconds of that call, and the peak memory in GB."""
        import torch

        gc.collect()
        if self.real:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        began = time.perf_counter()
        call()
        warm = time.perf_counter() - began
        began, made = time.perf_counter(), 0
        while not made or time.perf_counter() - began < self.seconds:
            made += call()
        speed = made / (time.perf_counter() - began)
        return speed, warm, torch.cuda.max_memory_allocated() / 1e9 if self.real else 0.0


def plain_loop(bench: Bench, name: str) -> float:
    """One prompt per call, as the scripts do that we are compared with."""
    import torch
    from diffusers import AutoPipelineForText2Image

    job = bench.job(name)
    dtype = torch.float16 if bench.real else torch.float32
    pipeline = AutoPipelineForText2Image.from_pretrained(bench.model(name), torch_dtype=dtype)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.to("cuda" if bench.real else "cpu")
    target = bench.folder / "plain.png"

    def one() -> int:
        drawn = pipeline(
            PROMPT,
            num_inference_steps=job.steps,
            guidance_scale=job.guidance,
            width=job.side,
            height=job.side,
        )
        drawn.images[0].save(target)
        return 1

    speed, _, memory = bench.rate(one)
    bench.say("plain loop", job=name, images_per_s=speed, peak_gb=memory)
    return speed


def renderer(bench: Bench, name: str, **settings: Any) -> Any:
    from synth.backends.render.base import RenderSettings
    from synth.backends.render.diffusers import Diffusers

    job = bench.job(name)
    wanted = {"width": job.side, "height": job.side, "steps": job.steps, "guidance": job.guidance, "retries": 0}
    wanted["device"] = bench.device  # one GPU against one, wherever there are more
    return Diffusers.create(str(bench.model(name)), RenderSettings(**{**wanted, **settings}))


def requests(job: Job, count: int) -> list[Any]:
    from synth.backends.render.base import RenderRequest

    return [
        RenderRequest(PROMPT, ("red fox",), "text, watermark", number, job.side, job.side) for number in range(count)
    ]


def ours(bench: Bench, name: str, label: str, plain: float | None, batch: int, **settings: Any) -> float:
    """Our renderer with these settings; JPEG 95 is written beside it, as a run does."""
    from concurrent.futures import ThreadPoolExecutor

    from synth.flow.pictures import Marks, write_picture

    job = bench.job(name)
    made = renderer(bench, name, batch_size=batch, **settings)
    asked = requests(job, batch)
    with ThreadPoolExecutor(4) as pool:
        waiting: list[Any] = []

        def one() -> int:
            for at, picture in enumerate(made.render(asked)):
                path = f"images/bench/{at}.jpg"
                waiting.append(pool.submit(write_picture, bench.folder, path, picture.image, Marks("bench"), 95))
            return batch

        try:
            made.start()
            if label == "no channels_last":
                _contiguous(made)
            speed, warm, memory = bench.rate(one)
        finally:
            made.close()
        for one_of in waiting:
            one_of.result()
    ratio = {"times_plain": speed / plain} if plain else {}
    bench.say(label, job=name, batch=batch, **settings, images_per_s=speed, **ratio, first_call_s=warm, peak_gb=memory)
    return speed


def _contiguous(made: Any) -> None:
    """Undo the memory layout, which has no setting: there is no case for doing without it."""
    import torch

    for part in ("unet", "vae"):
        getattr(made._painters[0]._noise.pipeline, part).to(memory_format=torch.contiguous_format)


def attempt(bench: Bench, label: str, call: Callable[[], Any]) -> Any:
    """A lever that this machine lacks is a line, not the end."""
    try:
        return call()
    except Exception as error:  # whatever a kernel, a compiler or a driver says
        bench.failed += 1
        bench.say(label, failed=f"{type(error).__name__}: {error}"[:300])
        return None


def levers(bench: Bench, name: str, plain: float | None) -> None:
    """Batch size first; then each lever with the best batch size, against that batch size alone."""
    job = bench.job(name)
    speeds = {
        batch: attempt(bench, "batch", lambda batch=batch: ours(bench, name, "batch", plain, batch))  # type: ignore[misc]
        for batch in job.batches
    }
    best = max(speeds, key=lambda batch: speeds[batch] or 0.0)
    tried: list[tuple[str, dict[str, Any]]] = [
        ("float16", {"dtype": "float16"}),
        ("no channels_last", {}),
        ("sdpa", {"attention": "sdpa"}),
        ("xformers", {"attention": "xformers"}),
        ("compile", {"compile": True}),
        ("compile, xformers off", {"compile": True, "attention": "sdpa"}),
        ("offload", {"offload": True}),
    ]
    if not bench.real:
        tried = [(label, settings) for label, settings in tried if label in ("sdpa", "no channels_last")]
    for label, settings in tried:
        attempt(bench, label, lambda label=label, s=settings: ours(bench, name, label, plain, best, **s))  # type: ignore[misc]


# -- a whole run ------------------------------------------------------------------------------


@contextmanager
def gpu_share() -> Iterator[list[float]]:
    """Samples of the GPU's own counter (share of time a kernel ran, 0 to 1), where the driver's library is there."""
    samples: list[float] = []
    try:
        import pynvml

        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(0)
    except Exception:  # not installed, no driver
        yield samples
        return
    done = threading.Event()

    def sample() -> None:
        while not done.wait(0.1):
            samples.append(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100)

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        done.set()
        thread.join()


def busy(bench: Bench, name: str, n: int) -> None:
    """`synth generate` with the scripted model: the renderer's share of the wall time from its first batch on."""
    import synth
    from synth.backends.render.diffusers import Diffusers

    job = bench.job(name)
    batch = max(job.batches[:3])
    spans: list[tuple[float, float]] = []
    render = Diffusers.render

    def timed(self: Any, asked: Sequence[Any]) -> Any:
        began = time.perf_counter()
        try:
            return render(self, asked)
        finally:
            spans.append((began, time.perf_counter()))

    n = n if bench.real else 8
    with (
        tempfile.TemporaryDirectory(dir=bench.folder) as folder,
        mock.patch.object(Diffusers, "render", timed),
        gpu_share() as samples,
    ):
        began = time.perf_counter()
        settings = {"steps": job.steps, "guidance": job.guidance, "width": job.side, "height": job.side}
        summary = synth.generate(
            {"animal": n},
            llm="scripted",
            renderer=f"diffusers:{bench.model(name)}",
            scorer="none",
            out=Path(folder) / "run",
            **{f"render_settings.{key}": value for key, value in settings.items()},
            **{"render_settings.batch_size": batch, "render_settings.retries": 0, "flow.stop_after": 10**6},
            **{"render_settings.device": bench.device},
        )
        wall = time.perf_counter() - began
    drawing = sum(end - start for start, end in spans)
    bench.say(
        "busy",
        job=name,
        batch=batch,
        samples=summary.samples,
        batches=len(spans),
        wall_s=wall,
        loading_s=spans[0][0] - began,
        renderer_share=drawing / (spans[-1][1] - spans[0][0]),
        renderer_share_of_all=drawing / wall,
        **({"gpu_counter": sum(samples) / len(samples)} if samples else {}),
    )


# -- CLIP -------------------------------------------------------------------------------------


def clip(bench: Bench) -> None:
    """ViT-L-14 with random weights: one picture after the other, and in batches."""
    import open_clip
    import torch
    from PIL import Image
    from safetensors.torch import save_file

    from synth.backends.render.base import Rendered
    from synth.backends.score.base import ScoreRequest, ScoreSettings
    from synth.backends.score.openclip import OpenClip
    from tests.backends import tiny_clip

    if bench.real:
        weights = bench.folder / "clip.safetensors"
        if not weights.exists():
            torch.manual_seed(0)
            model = open_clip.create_model("ViT-L-14", precision="fp16", device="cuda")
            save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, weights)
        argument = f"ViT-L-14@{weights}"
    else:
        argument = str(tiny_clip.save(bench.folder / "clip"))
    side = 512 if bench.real else 48
    pictures = [
        Image.effect_noise((side, side), 10 + number).convert("RGB") for number in range(64 if bench.real else 8)
    ]
    text = "A red fox stands in the snow in front of a wooden hut, and birches grow behind it."
    asked = [ScoreRequest(Rendered(picture), ("red fox", "snow"), text, text) for picture in pictures]
    single = 0.0
    for batch in (1, 16, 32, 64):
        scorer = OpenClip.create(argument, ScoreSettings(batch_size=batch))
        scorer.start()

        def one(scorer: Any = scorer, batch: int = batch) -> int:
            for start in range(0, len(asked), batch):
                scorer.score(asked[start : start + batch])
            return len(asked)

        speed, _, memory = bench.rate(one)
        scorer.close()
        single = single or speed
        bench.say("clip", batch=batch, images_per_s=speed, times_single=speed / single, peak_gb=memory)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=list(JOBS), default=list(JOBS))
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seconds", type=float, default=15, help="how long each measurement runs")
    parser.add_argument("--n", type=int, default=200, help="samples of the whole run (busy)")
    parser.add_argument("--keep", type=Path, help="keep the models here, for the next call (10 GB)")
    parser.add_argument("--out", type=Path, help="append the lines to this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(folder, arguments.seconds, arguments.out)
        for name in arguments.models:
            plain = None
            if "loop" in arguments.parts:
                plain = attempt(bench, "plain loop", lambda name=name: plain_loop(bench, name))  # type: ignore[misc]
            if "levers" in arguments.parts:
                levers(bench, name, plain)
            if "busy" in arguments.parts:
                attempt(bench, "busy", lambda name=name: busy(bench, name, arguments.n))  # type: ignore[misc]
        if "clip" in arguments.parts:
            attempt(bench, "clip", lambda: clip(bench))
    if bench.failed and not bench.real:
        sys.exit(f"{bench.failed} measurements failed, and all that the small mode tries runs on a CPU")


if __name__ == "__main__":
    main()
