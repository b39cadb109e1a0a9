"""What a map makes again and again is made once: by one field's text, or by an order's place."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from itertools import groupby, takewhile
from typing import TYPE_CHECKING

from engine.mapping import once
from engine.mapping.emit import Emitter
from engine.mapping.fetch import start
from engine.mapping.grammar import Code, Literal
from engine.mapping.memo import memoised
from engine.mapping.model import Body, Leaf, Several
from engine.mapping.survey import (
    body_refs,
    is_constant,
    is_pure,
    links_of,
    says_common,
    value_refs,
)
from engine.mapping.values import Put, Slot, ValueWriter

if TYPE_CHECKING:
    from typing import Self


class RememberingWriter(ValueWriter):
    """Writes parts of a map as functions of their own, which are not called for each segment."""

    @abstractmethod
    def _put(self, slot: Slot) -> Put: ...

    @abstractmethod
    def _values(self, body: Body, slot: Slot, put: Put) -> None: ...

    @abstractmethod
    def _block(self, fields: tuple[tuple[str, Body], ...], slot: Slot, put: Put) -> None: ...

    def _beside(self, emitter: Emitter) -> Self:
        """Another of this kind, for a function beside the map's own code."""
        writer = type(self)(self.compiler, emitter, self.type)
        writer._address = self._address
        return writer

    def _coded(self, body: Body, slot: Slot) -> None:
        """A list of codes; those that other segments alone say are made once for each place."""
        items = body.items if isinstance(body, Several) else (body,)
        for common, some in groupby(items, lambda item: says_common(item, slot.site.segment)):
            alike = Several(tuple(some), body.place)
            if common and not is_constant(alike):
                self._once(alike, slot)
                continue
            for item in alike.items:
                self._values(item, slot, self._put(slot))

    def _once(self, body: Body, slot: Slot) -> None:
        """Write a body as a function that is called once for each place."""
        inner, site = Emitter(), replace(slot.site, once=False)
        writer = self._beside(inner)
        own = replace(slot, holder="b", site=site)
        with inner.block("def build(run, i):"):
            start(inner, site.segment, {ref.segment for ref in body_refs(body)})
            inner.line("b = {}")
            writer._values(body, own, writer._put(own))
            inner.line(f"return b.get({slot.key!r}, [])")
        values = once.Values(inner.function(f"<{slot.address}>", "build"))
        name = self.emitter.fresh("x")
        with self.emitter.block(f"for {name} in {self.emitter.constant(values)}(run, i):"):
            self._put(slot)(name)

    def _one_field(self, fields: tuple[tuple[str, Body], ...], slot: Slot) -> tuple[int, int]:
        """The one field that makes all of a flat block, or how much of it: that is remembered."""
        site = slot.site
        inside = site.datatype or site.parts or not site.segment or self.within_block
        if self.compiler.trace or inside or slot.element.type in ("Reference", "Identifier"):
            return 0, 0
        flat = list(takewhile(_is_flat, (body for _, body in fields)))
        values = [body.value for body in flat if isinstance(body, Leaf)]
        said = [v for v in values if not isinstance(v, Literal | Code)]
        refs = [{(r.segment, r.field, r.where) for r in value_refs(value)} for value in said]
        first = next(filter(None, refs), set())
        count = sum(1 for _ in takewhile(first.issuperset, refs))
        if count < 2 or len(first) != 1:
            return 0, 0
        segment, number, where = next(iter(first))
        if segment != site.segment or where is not None or number is None:
            return 0, 0
        if count == len(said) and len(values) == len(fields):
            return number, len(fields)
        # what a constant stands beside must be all of it, and the order of links is theirs
        plain = not any(is_constant(body) or links_of(body) for _, body in fields)
        return (number, count) if plain else (0, 0)

    def _remembered(self, fields: tuple[tuple[str, Body], ...], number: int, slot: Slot) -> str:
        """Write a block as a function of one field's text, which is called once for each text."""
        name, inner = self.emitter.fresh("x"), Emitter()
        writer = self._beside(inner)
        writer.within_block = True
        with inner.block("def build(run, v, sep):"):
            inner.line(f"C = run.C; R = run.R; S = run.S; f = {{{number}: v}}")
            writer._block(fields, slot, lambda made: inner.line(f"return {made}"))
        build = memoised(f"{slot.address} {name}", inner.function(f"<{slot.address}>", "build"))
        self.emitter.line(f"{name} = {self.emitter.constant(build)}(run, f[{number}], C)")
        with self.emitter.block("if fresh:"):
            self.emitter.line(f"run.place({slot.address!r}, i, {number})")
        return name


def _is_flat(body: Body) -> bool:
    """Whether a body is one value that says the same whenever the message does."""
    return isinstance(body, Leaf) and is_pure(body.value)
