"""Pipelines of several families, built from small configurations with random weights and saved as real ones are.

They have the architecture, the tokenizers and the files of the originals and weigh a few hundred kilobytes.
What they draw is noise, but noise that depends on prompt, seed and settings as in the real thing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderDC,
    AutoencoderKL,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
    PixArtSigmaPipeline,
    PixArtTransformer2DModel,
    SanaPipeline,
    SanaTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.pre_tokenizers import Metaspace
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    Gemma2Config,
    Gemma2Model,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
    T5TokenizerFast,
)

#: words that are one token each; all others are spelled
WORDS = ["a", "red", "fox", "cat", "hat", "glass", "snow", "in", "of", "the", "photo", "blurry"]
#: width and height of what the pipelines draw
SIDE = 32


def clip_tokenizer() -> CLIPTokenizer:
    """The tokenizer of CLIP with a vocabulary of letters and a few words."""
    letters = [chr(code) for code in range(33, 127)]
    vocab = letters + [f"{letter}</w>" for letter in letters]
    merges = []
    for word in WORDS:
        parts = [*word[:-1], f"{word[-1]}</w>"]
        while len(parts) > 1:
            pair = parts[0], parts[1]
            if f"{pair[0]} {pair[1]}" not in merges:
                merges.append(f"{pair[0]} {pair[1]}")
            parts[:2] = ["".join(pair)]
            if parts[0] not in vocab:
                vocab.append(parts[0])
    vocab += ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(
        vocab={token: number for number, token in enumerate(vocab)},
        merges=[tuple(merge.split()) for merge in merges],
        model_max_length=77,
    )


def clip_model(width: int = 32, seed: int = 0, projection: int | None = None) -> Any:
    torch.manual_seed(seed)
    tokenizer = clip_tokenizer()
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=37,
        num_attention_heads=4,
        num_hidden_layers=3,
        max_position_embeddings=77,
        projection_dim=projection or width,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return (CLIPTextModelWithProjection if projection else CLIPTextModel)(config).eval()


def words_and_letters() -> tuple[Tokenizer, int]:
    """A tokenizer of a few words and single letters, with the marks that T5's has, and how much it knows."""
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(f"▁{word}", -1.0) for word in WORDS] + [(chr(code), -3.0) for code in range(33, 127)]
    return Tokenizer(Unigram(pieces, unk_id=2)), len(pieces)


def t5() -> tuple[T5TokenizerFast, T5EncoderModel]:
    torch.manual_seed(5)
    known, count = words_and_letters()
    tokenizer = T5TokenizerFast(
        tokenizer_object=known,
        pad_token="<pad>", eos_token="</s>", unk_token="<unk>", extra_ids=0, model_max_length=77,
    )  # fmt: skip
    config = T5Config(
        vocab_size=count, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4, pad_token_id=0, eos_token_id=1
    )
    return tokenizer, T5EncoderModel(config).eval()


def gemma() -> tuple[PreTrainedTokenizerFast, Gemma2Model]:
    torch.manual_seed(6)
    known, count = words_and_letters()
    known.pre_tokenizer = Metaspace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=known, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")
    config = Gemma2Config(
        vocab_size=count, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=8, pad_token_id=0, eos_token_id=1, bos_token_id=1, max_position_embeddings=2048,
    )  # fmt: skip
    return tokenizer, Gemma2Model(config).eval()


def vae(latents: int = 4) -> AutoencoderKL:
    """One whose pictures are not gray: the last layer is turned up. What it makes of a picture is strong and sure, as
    in trained ones: beside noise of variance 1 it would otherwise not show."""
    torch.manual_seed(1)
    made = AutoencoderKL(
        block_out_channels=[32, 64],
        down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2,
        latent_channels=latents,
        use_quant_conv=latents == 4,
        use_post_quant_conv=latents == 4,
        shift_factor=0.06,
        scaling_factor=0.18 if latents == 4 else 1.5,
    )
    with torch.no_grad():
        made.decoder.conv_out.weight.mul_(6)
        last = made.quant_conv or made.encoder.conv_out  # of mean and logarithm of the variance
        last.weight[:latents].mul_(30)
        last.weight[latents:].zero_()
        last.bias[latents:].fill_(-20)
    return made.eval()


def unet(cross: int, **options: Any) -> UNet2DConditionModel:
    torch.manual_seed(2)
    settings = {
        "block_out_channels": (32, 64),
        "layers_per_block": 1,
        "sample_size": SIDE // 2,
        "in_channels": 4,
        "out_channels": 4,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "attention_head_dim": 4,
        "norm_num_groups": 8,
        "cross_attention_dim": cross,
    }
    return UNet2DConditionModel(**{**settings, **options}).eval()


def sd15(folder: Path, pipeline: Any = StableDiffusionPipeline, channels: int = 4) -> Path:
    pipeline(
        vae=vae(), text_encoder=clip_model(), tokenizer=clip_tokenizer(), unet=unet(32, in_channels=channels),
        scheduler=DDIMScheduler(clip_sample=False, steps_offset=1),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def inpainting(folder: Path) -> Path:
    return sd15(folder, StableDiffusionInpaintPipeline, channels=9)


def sdxl(folder: Path) -> Path:
    StableDiffusionXLPipeline(
        vae=vae(),
        text_encoder=clip_model(),
        tokenizer=clip_tokenizer(),
        text_encoder_2=clip_model(48, seed=3, projection=40),
        tokenizer_2=clip_tokenizer(),
        unet=unet(
            32 + 48,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=40 + 6 * 8,
            transformer_layers_per_block=(1, 1),
            use_linear_projection=True,
        ),
        scheduler=EulerDiscreteScheduler(beta_schedule="scaled_linear"),
    ).save_pretrained(folder)
    return folder


def sd3(folder: Path) -> Path:
    tokenizer_3, text_encoder_3 = t5()
    torch.manual_seed(4)
    transformer = SD3Transformer2DModel(
        sample_size=SIDE // 2, patch_size=1, in_channels=4, num_layers=1, attention_head_dim=8, num_attention_heads=4,
        caption_projection_dim=32, joint_attention_dim=32, pooled_projection_dim=48, out_channels=4,
    )  # fmt: skip
    StableDiffusion3Pipeline(
        vae=vae(latents=4),
        transformer=transformer.eval(),
        text_encoder=clip_model(16, projection=24),
        tokenizer=clip_tokenizer(),
        text_encoder_2=clip_model(16, seed=3, projection=24),
        tokenizer_2=clip_tokenizer(),
        text_encoder_3=text_encoder_3,
        tokenizer_3=tokenizer_3,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    ).save_pretrained(folder)
    return folder


def flux(folder: Path) -> Path:
    tokenizer_2, text_encoder_2 = t5()
    torch.manual_seed(4)
    transformer = FluxTransformer2DModel(
        patch_size=1, in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=32, pooled_projection_dim=32, axes_dims_rope=[4, 4, 8],
    )  # fmt: skip
    FluxPipeline(
        vae=vae(),
        transformer=transformer.eval(),
        text_encoder=clip_model(),
        tokenizer=clip_tokenizer(),
        text_encoder_2=text_encoder_2,
        tokenizer_2=tokenizer_2,
        scheduler=FlowMatchEulerDiscreteScheduler(),
    ).save_pretrained(folder)
    return folder


def pixart(folder: Path) -> Path:
    tokenizer, text_encoder = t5()
    torch.manual_seed(4)
    transformer = PixArtTransformer2DModel(
        sample_size=SIDE // 2, num_layers=2, patch_size=2, attention_head_dim=8, num_attention_heads=3,
        caption_channels=32, in_channels=4, cross_attention_dim=24, out_channels=8,
    )  # fmt: skip
    with torch.no_grad():  # fresh ones predict nothing at all
        transformer.proj_out.weight.normal_(0, 0.2)
    PixArtSigmaPipeline(
        vae=vae(),
        transformer=transformer.eval(),
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        scheduler=DPMSolverMultistepScheduler(),
    ).save_pretrained(folder)
    return folder


def sana(folder: Path) -> Path:
    tokenizer, text_encoder = gemma()
    torch.manual_seed(4)
    transformer = SanaTransformer2DModel(
        patch_size=1, in_channels=4, out_channels=4, num_layers=1, num_attention_heads=2, attention_head_dim=4,
        num_cross_attention_heads=2, cross_attention_head_dim=4, cross_attention_dim=8, caption_channels=16,
        sample_size=SIDE // 2,
    )  # fmt: skip
    autoencoder = AutoencoderDC(
        in_channels=3, latent_channels=4, attention_head_dim=2, scaling_factor=1.0,
        encoder_block_types=("ResBlock", "ResBlock"), decoder_block_types=("ResBlock", "ResBlock"),
        encoder_block_out_channels=(8, 8), decoder_block_out_channels=(8, 8),
        encoder_layers_per_block=(1, 1), decoder_layers_per_block=(1, 1),
        encoder_qkv_multiscales=((), ()), decoder_qkv_multiscales=((), ()),
        upsample_block_type="interpolate", downsample_block_type="stride_conv",
        decoder_norm_types="rms_norm", decoder_act_fns="silu",
    )  # fmt: skip
    SanaPipeline(
        vae=autoencoder.eval(),
        transformer=transformer.eval(),
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    ).save_pretrained(folder)
    return folder


FAMILIES = {"sd15": sd15, "sdxl": sdxl, "sd3": sd3, "flux": flux, "pixart": pixart, "sana": sana}
