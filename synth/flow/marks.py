"""The mark that makes a synthetic picture recognisable to machines: an XMP packet.

`DigitalSourceType` is what the IPTC asks generators to write (and what C2PA and search engines read); the
`AI...` properties are those of the IPTC Photo Metadata Standard 2025.1. The seed has no place there and
stands in a namespace of our own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

SOFTWARE = "synth-vlit"
TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_NOT_XML = re.compile("[^\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_OWN = "urn:synth-vlit:picture:1"


@dataclass(frozen=True, slots=True)
class Synthetic:
    """Which model made a picture, from what. `prompt` is untrusted text. A collage of such pictures is a
    `COMPOSITE` and has no seed of its own."""

    generator: str
    model: str
    version: str
    prompt: str
    seed: int | None
    source_type: str = TRAINED

    def packet(self) -> bytes:
        """The XMP packet, UTF-8."""
        system = " ".join(part for part in (self.generator, self.model) if part)
        attributes = {
            "Iptc4xmpExt:DigitalSourceType": self.source_type,
            "Iptc4xmpExt:AISystemUsed": system,
            "Iptc4xmpExt:AISystemVersionUsed": self.version,
            "xmp:CreatorTool": SOFTWARE,
            "synth:Seed": "" if self.seed is None else str(self.seed),
        }
        written = "".join(f"\n   {name}={quoteattr(_printable(value))}" for name, value in attributes.items() if value)
        return (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
            '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
            ' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
            '  <rdf:Description rdf:about=""\n'
            f'   xmlns:Iptc4xmpExt="{_IPTC}"\n'
            '   xmlns:xmp="http://ns.adobe.com/xap/1.0/"\n'
            f'   xmlns:synth="{_OWN}"{written}>\n'
            f"   <Iptc4xmpExt:AIPromptInformation>{escape(_printable(self.prompt))}</Iptc4xmpExt:AIPromptInformation>\n"
            "  </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n"
            '<?xpacket end="r"?>'
        ).encode()


def _printable(text: str) -> str:
    """Without the characters that XML cannot hold at all."""
    return _NOT_XML.sub("", text)
