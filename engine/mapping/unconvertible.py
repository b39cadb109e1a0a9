"""What a conversion says of a value that its target type cannot hold."""

from __future__ import annotations


class Unconvertible(ValueError):  # noqa: N818 - an adjective says it: "unconvertible: not a date"
    """A value that does not fit the type it is mapped to.

    The text says what is wrong and never quotes the value: it goes to logs.
    """
