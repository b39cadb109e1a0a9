"""The grammar of rules: field references, conditions and values, as text to small frozen trees.

A rule's value is one line: ``PID-8 via AdministrativeSex``, ``OBX-14 or OBR-7``,
``PV1-7 as Practitioner``, ``-> Patient``, ``=final``, ``loinc#49541-6``, ``join(CX.1, CX.2)``.
A condition is a short sentence: ``PV1-2 is P and PV1-45 is valued``.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, replace
from typing import NoReturn

from engine.errors import ConfigurationError, Place, Problem

# ---------------------------------------------------------------- trees

# ``place``, which is where something was written, takes no part in comparisons: two that say
# the same are the same wherever they stand.


@dataclass(frozen=True, slots=True)
class Ref:
    """Where a value stands: a field of a segment, or relative to the repetition in hand.

    ``segment`` is "" for a relative reference (``.4.1`` or, in a datatype map, ``CX.4.1``).
    """

    segment: str
    field: int | None = None
    repetition: int | None = None
    where: Condition | None = None
    component: int | None = None
    subcomponent: int | None = None
    read_as: str = ""
    datatype: str = ""
    place: Place | None = dataclasses.field(default=None, compare=False)

    def __str__(self) -> str:
        text = f"{self.segment}-{self.field}" if self.segment else self.datatype
        if self.repetition is not None:
            text += f"[{self.repetition}]"
        for number in (self.component, self.subcomponent):
            if number is not None:
                text += f".{number}"
        return text or "."


@dataclass(frozen=True, slots=True)
class Compare:
    """``REF is VALUE``, ``REF in (…)`` and their negations; an absent field satisfies neither."""

    ref: Ref
    values: tuple[str | Ref, ...]
    negated: bool = False
    quantifier: str = ""


@dataclass(frozen=True, slots=True)
class Test:
    """A test of one value: ``is valued``, ``is empty``, ``is longer than 8``, ``matches /x/``."""

    ref: Ref
    kind: str
    operand: str = ""
    negated: bool = False
    quantifier: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """``count of PID-11 is 1`` or ``is more than 1``: how many repetitions stand there."""

    ref: Ref
    kind: str
    number: int


@dataclass(frozen=True, slots=True)
class Within:
    """``within order``: the segment stands in an open group of that name."""

    group: str
    place: Place | None = dataclasses.field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Has:
    """``has SPM``: the group or message in hand holds such a segment."""

    segment: str
    place: Place | None = dataclasses.field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Follows:
    """``follows PID``: the segment that this one is attached to is such a one."""

    segment: str
    place: Place | None = dataclasses.field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    term: Condition


@dataclass(frozen=True, slots=True)
class All:
    """Terms that must all hold."""

    terms: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """Terms of which one must hold."""

    terms: tuple[Condition, ...]


Condition = Compare | Test | Count | Within | Has | Follows | Not | All | Any


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant, written ``=final``."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """A constant code with its system, written ``loinc#49541-6``."""

    system: str
    code: str


@dataclass(frozen=True, slots=True)
class Link:
    """A reference to what another rule file made in this scope, written ``-> Patient``.

    ``-> Observation where OBX-3.1 is OBR-26.1.1`` looks in the whole message: the first path is
    of the segments about the other resource, the second of those about this one.
    """

    name: str
    where: tuple[tuple[Ref, Ref], ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A function over values, written ``join(PID-5.2, PID-5.1)``."""

    function: str
    arguments: tuple[Value, ...]
    place: Place | None = dataclasses.field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Source:
    """The first valued of some values, through a table and to a named type when one is given."""

    choices: tuple[Ref | Call, ...]
    table: str = ""
    target: str = ""
    table_place: Place | None = dataclasses.field(default=None, compare=False)


Value = Source | Literal | Code | Link | Call

# ---------------------------------------------------------------- reading

_SEGMENT_REF = re.compile(r"([A-Z][A-Z0-9]{2})-(\d+)")
_RELATIVE_REF = re.compile(r"([A-Z][A-Z0-9]{0,3})?\.(?=\d|$|[\s,)\]])")
_NUMBERS = re.compile(r"\.?(\d+)(?:\.(\d+))?")
_WORD = re.compile(r"[^\s,()\[\]]+")
_CALL = re.compile(r"([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)\(")
_CODE = re.compile(r"([A-Za-z][\w.:/-]*)#(\S+)")
_NAME = re.compile(r"[A-Za-z$][\w./-]*")


class _Reader:
    """A cursor over one line of the language."""

    def __init__(self, text: str, place: Place | None) -> None:
        self.text = text
        self.place = place
        self.at = 0

    def fail(self, what: str, instead: str | None = None) -> NoReturn:
        raise ConfigurationError([Problem(self.here(), what, instead)])

    def here(self) -> Place | None:
        """Where the cursor stands, in the file."""
        self.blanks()
        place = self.place
        return place and Place(place.file, place.line, place.column + self.at)

    def blanks(self) -> None:
        while self.at < len(self.text) and self.text[self.at] == " ":
            self.at += 1

    @property
    def rest(self) -> str:
        return self.text[self.at :]

    def done(self) -> bool:
        self.blanks()
        return self.at >= len(self.text)

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        self.blanks()
        match = pattern.match(self.text, self.at)
        if match:
            self.at = match.end()
        return match

    def word(self, *words: str) -> bool:
        """Take these words, in this order, when they come next."""
        self.blanks()
        pattern = r"\s+".join(map(re.escape, words)) + r"(?=[\s,()\[\]]|$)"
        match = re.compile(pattern).match(self.text, self.at)
        if match:
            self.at = match.end()
        return bool(match)

    def sign(self, sign: str) -> bool:
        self.blanks()
        if self.text.startswith(sign, self.at):
            self.at += len(sign)
            return True
        return False

    def expect(self, sign: str) -> None:
        if not self.sign(sign):
            self.fail(f"expected '{sign}' before '{self.rest[:20]}'")


def _reference(reader: _Reader) -> Ref | None:
    """A reference, or None when something else comes next."""
    place = reader.here()
    match = reader.take(_SEGMENT_REF)
    if match:
        ref = Ref(match[1], int(match[2]), place=place)
    else:
        match = reader.take(_RELATIVE_REF)
        if not match:
            return None
        ref = Ref("", datatype=match[1] or "", place=place)
        numbers = _NUMBERS.match(reader.text, reader.at)
        if numbers:
            reader.at = numbers.end()
            ref = replace(ref, component=int(numbers[1]), subcomponent=_number(numbers[2]))
        return _reading(reader, ref)
    if reader.text.startswith("[", reader.at):
        reader.at += 1
        ref = _predicate(reader, ref)
    if reader.text.startswith(".", reader.at):
        reader.at += 1
        numbers = _NUMBERS.match(reader.text, reader.at)
        if not numbers:
            reader.fail("a '.' needs a component number", f"write it like {ref}.1")
        reader.at = numbers.end()
        ref = replace(ref, component=int(numbers[1]), subcomponent=_number(numbers[2]))
    return _reading(reader, ref)


def _reading(reader: _Reader, ref: Ref) -> Ref:
    """``read as TYPE``: the type of a field whose own type varies."""
    if reader.word("read", "as"):
        name = reader.take(_NAME)
        if not name:
            reader.fail("'read as' needs an HL7 v2 data type", "write it like OBX-5 read as NM")
        return replace(ref, read_as=name[0])
    return ref


def _predicate(reader: _Reader, ref: Ref) -> Ref:
    match = re.compile(r"(\d+)\]").match(reader.text, reader.at)
    if match:
        reader.at = match.end()
        return replace(ref, repetition=int(match[1]))
    condition = _either(reader)
    reader.expect("]")
    return replace(ref, where=condition)


def _number(text: str | None) -> int | None:
    return int(text) if text else None


# ---------------------------------------------------------------- conditions


def _either(reader: _Reader) -> Condition:
    terms = [_both(reader)]
    while reader.word("or"):
        terms.append(_both(reader))
    return terms[0] if len(terms) == 1 else Any(tuple(terms))


def _both(reader: _Reader) -> Condition:
    terms = [_single(reader)]
    while reader.word("and"):
        terms.append(_single(reader))
    return terms[0] if len(terms) == 1 else All(tuple(terms))


def _single(reader: _Reader) -> Condition:
    if reader.word("not"):
        return Not(_single(reader))
    if reader.sign("("):
        inner = _either(reader)
        reader.expect(")")
        return inner
    place = reader.here()
    if reader.word("within"):
        return Within(_name(reader, "within", "within order"), place)
    if reader.word("has"):
        return Has(_name(reader, "has", "has SPM"), place)
    if reader.word("follows"):
        return Follows(_name(reader, "follows", "follows PID"), place)
    if reader.word("count", "of"):
        return _count(reader)
    quantifier = "any" if reader.word("any") else "all" if reader.word("all") else ""
    ref = _reference(reader)
    if ref is None:
        word = reader.rest.split(" ")[0]
        instead = "write it like PID-3[1].4" if re.match(r"[A-Z][A-Z0-9]{2}\.\d", word) else None
        reader.fail(
            f"'{word}' is not a path" if word else "a condition is missing here",
            instead or "a condition reads like: PV1-2 is I, OBX-5 is valued, MSH-9.1 in (ORU, OML)",
        )
    return _predicates(reader, ref, quantifier)


def _name(reader: _Reader, word: str, example: str) -> str:
    match = reader.take(_NAME)
    if not match:
        reader.fail(f"'{word}' needs a name", f"write it like: {example}")
    return match[0]


def _count(reader: _Reader) -> Condition:
    ref = _reference(reader)
    if ref is None:
        reader.fail("'count of' needs a path", "write it like: count of PID-11 is more than 1")
    kind = "is"
    if reader.word("is", "more", "than"):
        kind = "more"
    elif reader.word("is", "less", "than"):
        kind = "less"
    elif not reader.word("is"):
        reader.fail("'count of' needs 'is', 'is more than' or 'is less than'")
    number = reader.take(re.compile(r"\d+"))
    if not number:
        reader.fail("a count is compared with a number")
    return Count(ref, kind, int(number[0]))


def _predicates(reader: _Reader, ref: Ref, quantifier: str) -> Condition:
    found = _length(reader, ref, quantifier) or _listed(reader, ref, quantifier)
    found = found or _tested(reader, ref, quantifier) or _compared(reader, ref, quantifier)
    if found is None:
        reader.fail(
            f"'{reader.rest[:20]}' says nothing about {ref}",
            "write: is X, is not X, in (X, Y), is valued, is empty, is longer than 8, matches /x/",
        )
    return found


def _length(reader: _Reader, ref: Ref, quantifier: str) -> Condition | None:
    for kind in ("longer", "shorter"):
        if reader.word("is", kind, "than"):
            number = reader.take(re.compile(r"\d+"))
            if not number:
                reader.fail(f"'{kind} than' needs a number of characters")
            return Test(ref, kind, number[0], quantifier=quantifier)
    return None


def _listed(reader: _Reader, ref: Ref, quantifier: str) -> Condition | None:
    if reader.word("is", "in") or reader.word("in"):
        return Compare(ref, _values(reader), quantifier=quantifier)
    if reader.word("is", "not", "in") or reader.word("not", "in"):
        return Compare(ref, _values(reader), negated=True, quantifier=quantifier)
    return None


def _tested(reader: _Reader, ref: Ref, quantifier: str) -> Condition | None:
    for words, kind in _TESTS:
        if reader.word(*words):
            return Test(ref, kind, negated="not" in words, quantifier=quantifier)
    if reader.word("matches"):
        return Test(ref, "matches", _pattern(reader), quantifier=quantifier)
    if reader.word("starts", "with"):
        return Test(ref, "starts", _plain(reader), quantifier=quantifier)
    if reader.word("contains"):
        return Test(ref, "contains", _plain(reader), quantifier=quantifier)
    return None


def _compared(reader: _Reader, ref: Ref, quantifier: str) -> Condition | None:
    if reader.word("is", "not"):
        return Compare(ref, (_operand(reader),), negated=True, quantifier=quantifier)
    if reader.word("is"):
        return Compare(ref, (_operand(reader),), quantifier=quantifier)
    return None


_TESTS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("is", "not", "valued"), "valued"),
    (("is", "valued"), "valued"),
    (("is", "not", "empty"), "empty"),
    (("is", "empty"), "empty"),
    (("is", "not", "a", "number"), "number"),
    (("is", "a", "number"), "number"),
    (("is", "not", "a", "date"), "date"),
    (("is", "a", "date"), "date"),
)


def _values(reader: _Reader) -> tuple[str | Ref, ...]:
    reader.expect("(")
    values = [_operand(reader)]
    while reader.sign(","):
        values.append(_operand(reader))
    reader.expect(")")
    return tuple(values)


def _operand(reader: _Reader) -> str | Ref:
    reader.blanks()
    if not reader.text.startswith(('"', "="), reader.at):
        ref = _reference(reader)
        if ref is not None:
            return ref
    return _plain(reader)


def _plain(reader: _Reader) -> str:
    """A word, or text in double quotes; ``=`` before it is allowed and means nothing more."""
    reader.sign("=")
    quoted = reader.take(re.compile(r'"((?:[^"\\]|\\.)*)"'))
    if quoted:
        return re.sub(r"\\(.)", r"\1", quoted[1])
    word = reader.take(_WORD)
    if not word:
        reader.fail("a value is missing here", 'write a word, or text in quotes: "two words"')
    return word[0]


def _pattern(reader: _Reader) -> str:
    match = reader.take(re.compile(r"/((?:[^/\\]|\\.)*)/"))
    if not match:
        reader.fail(
            "'matches' needs a pattern between slashes", "write it like: matches /^[0-9]+$/"
        )
    try:
        re.compile(match[1])
    except re.error as cause:
        reader.fail(f"the pattern cannot be read: {cause}", "between the slashes: /^[A-Z]+$/")
    return match[1]


# ---------------------------------------------------------------- values


def _value(reader: _Reader, *, nested: bool) -> Value:
    reader.blanks()
    if reader.sign("->"):
        return Link(_name(reader, "->", "-> Patient"), _pairs(reader))
    if reader.text.startswith("=", reader.at):
        reader.at += 1
        if nested or reader.text.startswith('"', reader.at):
            return Literal(_plain(reader))
        text, reader.at = reader.rest, len(reader.text)
        return Literal(text)
    if nested and reader.text.startswith('"', reader.at):
        return Literal(_plain(reader))
    return _source(reader)


def _pairs(reader: _Reader) -> tuple[tuple[Ref, Ref], ...]:
    """What tells the resource that a link means: ``where OBX-3.1 is OBR-26.1.1 and …``."""
    pairs: list[tuple[Ref, Ref]] = []
    while reader.word("and") if pairs else reader.word("where"):
        theirs = _reference(reader)
        mine = _reference(reader) if reader.word("is") else None
        if theirs is None or mine is None:
            reader.fail("'where' compares two paths", "-> Observation where OBX-3.1 is OBR-26.1.1")
        pairs.append((theirs, mine))
    return tuple(pairs)


def _source(reader: _Reader) -> Value:
    choices = [_choice(reader)]
    while reader.word("or"):
        choices.append(_choice(reader))
    table = target = ""
    table_place = None
    if reader.word("via"):
        table_place = reader.here()
        table = _name(reader, "via", "PID-8 via AdministrativeSex")
        bracket = reader.take(re.compile(r"\[[^\]]*\]"))  # AddressType[Use]: the guide's own names
        table += bracket[0] if bracket else ""
    if reader.word("as"):
        target = _name(reader, "as", "PV1-7 as Practitioner")
    first = choices[0]
    if isinstance(first, Code):
        return first
    sources = tuple(choice for choice in choices if not isinstance(choice, Code))
    if len(sources) == 1 and isinstance(first, Call) and not table and not target:
        return first
    return Source(sources, table, target, table_place)


def _choice(reader: _Reader) -> Ref | Call | Code:
    place = reader.here()
    call = reader.take(_CALL)
    if call:
        return replace(_call(reader, call[1]), place=place)
    code = reader.take(_CODE)
    if code:
        return Code(code[1], code[2])
    ref = _reference(reader)
    if ref is None:
        word = reader.rest.split(" ")[0]
        dotted = re.match(r"([A-Z][A-Z0-9]{2})\.(\d+)", word)
        if dotted:
            reader.fail(f"'{word}' is not a path", f"write it like {dotted[1]}-{dotted[2]}")
        reader.fail(
            f"'{word}' is not a path, a code, a link or a function"
            if word
            else "a value is missing",
            f"a constant is written ={word or 'final'}",
        )
    return ref


def _call(reader: _Reader, name: str) -> Call:
    arguments: list[Value] = []
    while not reader.sign(")"):
        arguments.append(_value(reader, nested=True))
        if not reader.sign(","):
            reader.expect(")")
            break
    return Call(name, tuple(arguments))


def _finish(reader: _Reader) -> None:
    if not reader.done():
        reader.fail(f"'{reader.rest}' is left over here")


def parse_value(text: str, place: Place | None = None) -> Value:
    """Read the one-line value of a rule.

    Raises:
        ConfigurationError: with the place, what is wrong and what to write.

    """
    reader = _Reader(text, place)
    value = _value(reader, nested=False)
    _finish(reader)
    return value


def parse_condition_tree(text: str, place: Place | None = None) -> Condition:
    """Read a condition to its tree.

    Raises:
        ConfigurationError: with the place, what is wrong and what to write.

    """
    reader = _Reader(text, place)
    condition = _either(reader)
    _finish(reader)
    return condition
