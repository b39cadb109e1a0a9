"""Documents inside a message (ED) and pointers to them (RP) as parts of an Attachment."""

from __future__ import annotations

import base64
import binascii
import re

from engine.fhir.validity import valid
from engine.mapping.unconvertible import Unconvertible

#: Tables 0291 (subtype) and 0834 (MIME types), without regard to case.
_SUBTYPES = {
    "basic": "audio/basic", "dicom": "application/dicom", "fax": "image/g3fax",
    "g3fax": "image/g3fax", "gif": "image/gif", "html": "text/html", "htm": "text/html",
    "jpeg": "image/jpeg", "jpg": "image/jpeg", "octet-stream": "application/octet-stream",
    "pdf": "application/pdf", "pict": "image/x-pict", "plain": "text/plain", "txt": "text/plain",
    "text": "text/plain", "png": "image/png", "postscript": "application/postscript",
    "rtf": "application/rtf", "sgml": "text/sgml", "tif": "image/tiff", "tiff": "image/tiff",
    "x-hl7-cda-level-one": "application/hl7-cda-level-one+xml", "xml": "application/xml",
    "cda": "application/hl7-cda-level-one+xml", "mpeg": "video/mpeg", "mp4": "video/mp4",
    "wav": "audio/wav", "msword": "application/msword", "zip": "application/zip",
}  # fmt: skip

#: Tables 0191 and 0834: a main type that says the whole where there is no subtype.
_TYPES = {"text": "text/plain", "tx": "text/plain", "ft": "text/plain", "st": "text/plain"}
_MAIN = frozenset({"application", "audio", "image", "message", "model", "multipart", "text",
                   "video"})  # fmt: skip

#: What the first bytes of base64 give away.
_MAGIC = {
    "JVBERi": "application/pdf",
    "/9j/": "image/jpeg",
    "iVBORw0KGgo": "image/png",
    "R0lGOD": "image/gif",
    "SUkqA": "image/tiff",
    "TU0AK": "image/tiff",
    "e1xydG": "application/rtf",
    "PD94bW": "application/xml",
    "UEsDB": "application/zip",
    "PCFET0": "text/html",
    "PGh0bW": "text/html",
}

_MIME = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+")
_VAGUE = frozenset({"application/octet-stream"})


def content_type(kind: str, subtype: str = "", data: str = "") -> str | None:
    """The MIME type of a document: by its subtype, its type, else by how its data begin.

    The types of ED.2 and ED.3 are words of tables 0191, 0291 and 0834, and what senders make of
    them. They are often a default of the sender's, so well-known first bytes decide over them.
    """
    declared = _declared(kind.strip(), subtype.strip())
    shown = sniffed(data)
    if shown is not None and (declared is None or declared in _VAGUE or _differs(declared, shown)):
        return shown
    return declared


def _declared(kind: str, subtype: str) -> str | None:
    for text in (subtype, kind):
        if _MIME.fullmatch(text):
            return text.lower()
    low, main = subtype.lower(), kind.lower()
    if low in _SUBTYPES:
        found = _SUBTYPES[low]
        # text/xml and text/rtf are types too, when the sender says text
        return f"text/{low}" if main == "text" and low in ("xml", "rtf") else found
    if low and main in _MAIN and _MIME.fullmatch(f"{main}/{low}"):
        return f"{main}/{low}"
    return _SUBTYPES.get(main) if not low and main not in _TYPES else _TYPES.get(main)


def _differs(declared: str, shown: str) -> bool:
    """Whether the data are of another kind, and not only another name of the same (CDA is XML)."""
    if shown == "application/xml":
        return "xml" not in declared and "html" not in declared
    return shown != declared and not (shown == "application/rtf" and declared == "text/rtf")


def sniffed(data: str) -> str | None:
    """The MIME type that the first characters of base64 give away."""
    head = data[:16].lstrip()
    return next((kind for start, kind in _MAGIC.items() if head.startswith(start)), None)


def encoded(data: str, encoding: str) -> str | None:
    """The data of an ED as base64, in time linear in their length.

    ED.4, table 0299: Base64, Hex, or A (the text itself). An empty encoding is base64 where the
    data begin as a document does, else the text itself.
    """
    if not data:
        return None
    known = encoding.strip().lower()
    if known in ("base64", "b64", "64"):
        return _base64(data)
    if known in ("hex", "hexadecimal"):
        return _from_hex(data)
    if known in ("a", "ascii", "text", "none"):
        return _from_text(data)
    if not known:
        return _base64(data) if sniffed(data) else _from_text(data)
    raise Unconvertible("an encoding that is not A, Hex or Base64")


def _base64(data: str) -> str:
    dense = "".join(data.split())
    if not dense.endswith("=") and len(dense) % 4:
        dense += "=" * (-len(dense) % 4)  # senders leave the padding out
    if not valid("base64Binary", dense):
        raise Unconvertible("not base64")
    return dense


def _from_hex(data: str) -> str:
    try:
        return base64.b64encode(binascii.unhexlify("".join(data.split()))).decode()
    except (binascii.Error, ValueError):
        raise Unconvertible("not hexadecimal") from None


def _from_text(data: str) -> str:
    return base64.b64encode(data.encode()).decode()


def pointer(text: str) -> str | None:
    """The URL of an RP: what it points with, when that is a URL."""
    bare = text.strip()
    if not bare:
        return None
    if not valid("url", bare):
        raise Unconvertible("a pointer with blanks is no URL")
    return bare
