"""What makes two resources the same one: identifiers with systems, or keys; and their UUIDs."""

from __future__ import annotations

import hashlib
from typing import Any

from engine.mapping.model import Key

#: The first digit of the fourth part, whose upper two bits say the variant (RFC 9562, 4.1).
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
_NAMESPACE = bytes.fromhex("6d6c6c70656e67696e65686c37763246")
#: The hash of all seeds begins with it.
_BEGUN = hashlib.sha1(_NAMESPACE, usedforsecurity=False)


def uuid_of(seed: str) -> str:
    """The name-based UUID (RFC 9562, version 5) of a seed: the same for ever."""
    hashed = _BEGUN.copy()
    hashed.update(seed.encode())
    digest = hashed.hexdigest()
    variant = _VARIANT[digest[16]]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def id_of(uuid: str) -> str:
    """The id of a resource: a letter first, for servers refuse ids of digits alone."""
    return "m" + uuid.replace("-", "")


def criterion(body: dict[str, Any], key: Key) -> str:
    """The search that finds a resource by its preferred identifier with a system, or "".

    An identifier without a system is never matched on: ``123`` of two feeds are two people.
    """
    if not key.by_identifier:
        return ""
    identifiers = body.get("identifier")
    if isinstance(identifiers, dict):
        identifiers = [identifiers]
    best, best_rank = "", 1 << 30
    for identifier in identifiers or ():
        system, value = identifier.get("system"), identifier.get("value")
        if not system or not value:
            continue
        rank = _rank(identifier, key.prefer)
        if rank < best_rank:
            best, best_rank = f"identifier={system}|{value}", rank
    return best


def _rank(identifier: dict[str, Any], prefer: tuple[str, ...]) -> int:
    codes = [item.get("code") for item in identifier.get("type", {}).get("coding", ())]
    ranks = [prefer.index(code) for code in codes if code in prefer]
    return min(ranks, default=len(prefer))
