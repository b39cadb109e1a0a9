"""Conditions of rules as Python expressions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.documents import suggest
from engine.errors import Place
from engine.hl7v2 import dictionary
from engine.mapping import once
from engine.mapping.emit import Emitter
from engine.mapping.fetch import Fetcher, Site, start
from engine.mapping.grammar import (
    All,
    Compare,
    Condition,
    Count,
    Follows,
    Has,
    Not,
    Ref,
    Test,
    Within,
)
from engine.mapping.grammar import Any as AnyOf
from engine.mapping.language import DATE, NUMBER, test
from engine.mapping.survey import condition_refs, is_common, is_plain

if TYPE_CHECKING:
    from engine.mapping.compile import Compiler


class ConditionWriter:
    """Writes conditions for one function."""

    def __init__(self, compiler: Compiler, emitter: Emitter, fetch: Fetcher) -> None:
        self._compiler = compiler
        self._emitter = emitter
        self._fetch = fetch

    def expression(self, tree: Condition, site: Site) -> str:
        """A Python expression that is true when the condition holds."""
        match tree:
            case _ if site.once and not _is_quick(tree) and is_common(tree, site.segment):
                return self._once(tree, site)
            case All(terms):
                return " and ".join(f"({self.expression(term, site)})" for term in terms)
            case AnyOf(terms):
                return " or ".join(f"({self.expression(term, site)})" for term in terms)
            case Not(term):
                return f"not ({self.expression(term, site)})"
            case Has(name, place):
                self._known(name, place)
                return f"run.has({name!r}, i)"
            case Follows(name, place):
                self._known(name, place)
                return f"run.message.segments[run.parents[i]].name == {name!r}"
            case Within(group, place):
                return self._within(group, place)
            case Count(ref, kind, number):
                sign = {"is": "==", "more": ">", "less": "<"}[kind]
                text = self._text(ref, site, raw=True)
                several = f"run.count({text}) {sign} {number}"
                # a field without a separator has no second repetition to count
                return f"(R in {text} and {several})" if kind == "more" and number else several
            case Compare() | Test():
                return self._quantified(tree, site)

    def _once(self, tree: Condition, site: Site) -> str:
        """A condition on other segments alone, which is asked once for each place."""
        inner = Emitter()
        writer = ConditionWriter(self._compiler, inner, Fetcher(self._compiler, inner))
        with inner.block("def holds(run, i):"):
            start(inner, site.segment, {ref.segment for ref in condition_refs(tree)})
            inner.line(f"return {writer.expression(tree, replace(site, once=False))}")
        name = self._emitter.constant(once.Condition(inner.function("<condition>", "holds")))
        return f"(near[{name}] if {name} in near else {name}(run, i))"

    def _known(self, segment: str, place: Place | None) -> None:
        if segment.startswith("Z") or dictionary.is_segment(segment):
            return
        near = suggest(segment, self._compiler.library.default)
        self._compiler.fail(place, f"no version of HL7 v2 has a segment {segment}", near)

    def _within(self, group: str, place: Place | None) -> str:
        names = self._compiler.library.groups.names
        if group not in names:
            known = f"there are: {', '.join(names)}"
            self._compiler.fail(place, f"no group '{group}'", suggest(group, names) or known)
            return "False"
        return f"run.scopes[i][{names.index(group)}]"

    def _text(self, ref: Ref, site: Site, *, raw: bool = False) -> str:
        if not raw and self._is_hoisted(ref, site):
            return _hoisted(ref)
        found = self._fetch.raw(ref, site)
        if found is None:
            self._compiler.fail(
                ref.place,
                f"{site.address or 'condition'}: {ref} is not known",
                self._fetch.advice(ref, site),
            )
            return "''"
        return self._fetch.text(found, raw_text=raw)

    def _is_hoisted(self, ref: Ref, site: Site) -> bool:
        return ref.segment == site.segment and is_plain(ref) and ref.field in site.hoisted

    def _quantified(self, tree: Compare | Test, site: Site) -> str:
        ref = tree.ref
        if not tree.quantifier:
            text = self._text(ref, site)
            if isinstance(tree, Test):
                if tree.kind in ("valued", "empty"):
                    return self._valued(tree, ref, site)
                # the first part of a field is its first value, which may be there already
                whole = replace(ref, component=None) if ref.component == 1 else ref
                if ref.subcomponent is None and self._is_hoisted(whole, site):
                    text = _hoisted(ref)
            return self._meets(tree, text, site)
        values = (
            f"run.every({ref.segment!r}, i, {ref.field}, {ref.component or 1}, "
            f"{ref.subcomponent or 1})"
        )
        word = "any" if tree.quantifier == "any" else "all"
        return f"{word}({self._meets(tree, 'q', site)} for q in {values})"

    def _valued(self, tree: Test, ref: Ref, site: Site) -> str:
        """Whether anything stands there, in any component (``PV1-45 is valued``)."""
        text = self._text(ref, site, raw=True)
        wanted = (tree.kind == "valued") is not tree.negated
        return f"({text} != '')" if wanted else f"({text} == '')"

    def _meets(self, tree: Compare | Test, text: str, site: Site) -> str:
        if isinstance(tree, Test):
            shape = {"number": NUMBER, "date": DATE}.get(tree.kind)
            if shape is not None:
                sign = "is" if tree.negated else "is not"
                return f"({self._emitter.constant(shape)}({text}) {sign} None)"
            if tree.kind == "matches" and text.isidentifier():
                found = f"{self._emitter.constant(re.compile(tree.operand).search)}({text})"
                sign = "not " if tree.negated else ""
                return f"({sign}({text} and {found}))"
            call = f"{self._emitter.constant(test)}({tree.kind!r}, {text}, {tree.operand!r})"
            return f"(not {call})" if tree.negated else call
        plain = tuple(value for value in tree.values if isinstance(value, str))
        others = [self._text(value, site) for value in tree.values if isinstance(value, Ref)]
        if text == _hoisted(tree.ref):
            self._emitter.compared.setdefault(tree.ref.field or 0, set()).update(plain)
        if len(plain) == 1 and not others:
            sign = "!=" if tree.negated else "=="
            return f"({text} {sign} {plain[0]!r}" + (f" and {text} != '')" if tree.negated else ")")
        options = "(" + "".join(f"{value}, " for value in [*map(repr, plain), *others]) + ")"
        if tree.negated:
            return f"({text} != '' and {text} not in {options})"
        return f"({text} in {options} and {text} != '')" if others else f"({text} in {options})"


def _is_quick(tree: Condition) -> bool:
    """Whether to ask takes no longer than to look up what was answered."""
    return isinstance(tree, Within) or (isinstance(tree, Test) and tree.kind in ("valued", "empty"))


def _hoisted(ref: Ref) -> str:
    """The variable that holds the first value of a field which conditions often ask for."""
    return f"h{ref.field}"


def predicate(compiler: Compiler, tree: Condition, datatype: str) -> Callable[[Any, str], bool]:
    """A function that tells whether one repetition meets a condition on its components."""
    emitter = Emitter()
    fetch = Fetcher(compiler, emitter)
    site = Site(parts="p", raw="v", raw_type=datatype, below="S")
    with emitter.block("def meets(run, v):"):
        emitter.line("C = run.C; R = run.R; S = run.S")
        emitter.line("p = v.split(C); p += run.pad")
        emitter.line("i = 0")
        emitter.line(f"return {ConditionWriter(compiler, emitter, fetch).expression(tree, site)}")
    function: Callable[[Any, str], bool] = emitter.function("<predicate>", "meets")
    return function
