"""Picture files: their formats and what they say about themselves."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from PIL import Image

from synth.backends.render.base import ImageFormat
from synth.flow.marks import TRAINED, Synthetic
from synth.flow.pictures import Marks, is_whole, picture_path, write_picture

FORMATS: list[ImageFormat] = ["jpeg", "png", "webp"]
MADE = Synthetic("diffusers", "stabilityai/sdxl", "4621659", '((a <fox> & "hat")), \x00\ud800 日本', 77)


def write(folder: Path, image_format: ImageFormat, origin: Synthetic | None = MADE) -> Path:
    path = picture_path("animal", 1234, "animal-s0-001234", 0, image_format)
    marks = Marks("synthetic image of: a fox", "Image generated with sdxl", origin)
    write_picture(folder, path, Image.linear_gradient("L").convert("RGB"), marks, 90, image_format)
    return folder / path


def packet(file: Path) -> str:
    found = Image.open(file).info
    xmp = found.get("xmp") or found["XML:com.adobe.xmp"]
    return xmp if isinstance(xmp, str) else xmp.decode()


@pytest.mark.parametrize("image_format", FORMATS)
def test_a_synthetic_picture_says_so_to_machines(image_format: ImageFormat, tmp_path: Path) -> None:
    file = write(tmp_path, image_format)
    with Image.open(file) as image:
        assert (image.format, image.size) == (image_format.upper(), (256, 256))
        exif = image.getexif()
        assert (exif[0x0131], exif[0x010E]) == ("synth-vlit", "synthetic image of: a fox")
    text = packet(file)
    described = next(ET.fromstring(text).iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"))
    iptc = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
    assert described.attrib[f"{iptc}DigitalSourceType"] == TRAINED
    assert described.attrib[f"{iptc}AISystemUsed"] == "diffusers stabilityai/sdxl"
    assert described.attrib[f"{iptc}AISystemVersionUsed"] == "4621659"
    assert described.attrib["{urn:synth-vlit:picture:1}Seed"] == "77"
    prompt = described.find(f"{iptc}AIPromptInformation")
    assert prompt is not None and prompt.text == '((a <fox> & "hat")),  日本'


@pytest.mark.parametrize("image_format", FORMATS)
def test_a_preview_does_not_claim_to_be_of_a_model(image_format: ImageFormat, tmp_path: Path) -> None:
    file = write(tmp_path, image_format, origin=None)
    assert TRAINED.encode() not in file.read_bytes()


@pytest.mark.parametrize(("image_format", "ending"), [("jpeg", ".jpg"), ("png", ".png"), ("webp", ".webp")])
def test_paths_end_as_their_format_does(image_format: ImageFormat, ending: str) -> None:
    assert picture_path("a", 1, "a-s0-000001", 2, image_format) == f"images/a/0000/a-s0-000001-2{ending}"


@pytest.mark.parametrize("image_format", FORMATS)
def test_a_picture_that_was_cut_off_is_not_whole(image_format: ImageFormat, tmp_path: Path) -> None:
    file = write(tmp_path, image_format)
    data = file.read_bytes()
    assert is_whole(file)
    for length in (len(data) - 1, len(data) // 2, 5, 0):
        file.write_bytes(data[:length])
        assert not is_whole(file)
    file.unlink()
    assert not is_whole(file)
