"""Functions that a site writes in Python, for when no rule will do: ``functions.py`` of a feed.

    from engine.mapping.site import function

    @function
    def ward(code: str, bed: str = "") -> str | None:
        # rules of this feed call it: site.ward(PV1-3.1, PV1-3.3)
        return f"{code}/{bed}" if bed else None

It gets the texts of its arguments, "" for what is absent, and gives the value of the element as
FHIR has it, or None. A ValueError is an issue of the message, at the rule; issues go to logs and to
the sender, so its text is told only when it stands in the file as it is, without a value put into
it. A function must give the same for the same texts, and neither wait nor look at anything else:
messages are mapped again.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from engine.errors import Place, Problem
from engine.mapping.unconvertible import Unconvertible

F = TypeVar("F", bound=Callable[..., Any])

#: The file beside a feed's ``mapping.yaml``.
FILE = "functions.py"
_MARK = "mllp_engine_function"


def function(call: F) -> F:
    """Let the rules of this feed call it as ``site.NAME``."""
    setattr(call, _MARK, True)
    return call


class SiteFunction:
    """A site's function as rules call it: the run before its texts, and no fault let through."""

    def __init__(
        self, name: str, call: Callable[..., Any], source: tuple[str, str], words: frozenset[str]
    ) -> None:
        self.name = name
        self._source = source
        #: every text that the file holds: what is none of them may quote a value
        self._words = words
        self._call = call
        named = inspect.signature(call)
        run = inspect.Parameter("run", inspect.Parameter.POSITIONAL_ONLY)
        self.__signature__ = named.replace(parameters=[run, *named.parameters.values()])

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.name, *self._source)  # another process runs the file for itself

    def __call__(self, run: Any, *texts: Any) -> Any:
        """What the site's function makes of the texts of one message."""
        try:
            return self._call(*(run.plain(text) or "" for text in texts))
        except ValueError as reason:
            own = str(reason) if str(reason) in self._words else ""
            raise Unconvertible(own or f"site.{self.name}() takes it for no value") from reason
        except Exception as fault:  # a bug of the site's must cost one element, not the message
            raise Unconvertible(f"site.{self.name}() failed: {type(fault).__name__}") from fault


def load(text: str, file: str) -> tuple[dict[str, SiteFunction], list[Problem]]:
    """The functions of a file, by name; or what is wrong with it.

    The file is run once, here; nothing of it is imported by name, so nothing on the path of
    Python can stand in for it, and a reload reads it anew.
    """
    space: dict[str, Any] = {"__name__": f"site functions of {file}", "__file__": file}
    try:
        exec(compile(text, file, "exec"), space)
    except SyntaxError as error:
        return {}, [Problem(Place(file, error.lineno or 1, error.offset or 1), f"{error.msg}")]
    except (Exception, SystemExit) as error:
        return {}, [_failed(error, file)]
    found = {name: value for name, value in space.items() if getattr(value, _MARK, False)}
    if not found:
        what = "no function of this file is for rules"
        return {}, [Problem(Place(file, 1, 1), what, "write @function before it")]
    source, words = (text, file), _words(text)
    return {name: SiteFunction(name, value, source, words) for name, value in found.items()}, []


def _words(text: str) -> frozenset[str]:
    constants = (node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
    return frozenset(value for value in constants if isinstance(value, str))


_load_once = cache(load)


def _again(name: str, text: str, file: str) -> SiteFunction:
    return _load_once(text, file)[0][name]


def _failed(error: BaseException, file: str) -> Problem:
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return Problem(Place(file, line, 1), f"this file cannot be run: {error!r}")
