"""``messages``: find what was received, see what became of it, send it again."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import orjson

from engine.cli import listing
from engine.cli.since import since_option
from engine.cli.store import FOLDER, require_channel, store_of
from engine.errors import StoreError
from engine.lifecycle import Outcome, State
from engine.store.opening import short_session
from engine.store.reader import Reader
from engine.store.replay import Review, abandon, replay
from engine.store.search import Search
from engine.store.session import Session

#: The words of --state: where a delivery stands, or what became of a message.
_STATES = [*map(str, State), *map(str, Outcome)]

_config = click.option(
    "--config", type=FOLDER, default=".", help="The configuration folder; default: here."
)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(short_help="Find, show and replay what was received.")
def messages() -> None:
    """Find, show and replay what was received, also while the engine runs."""


@messages.command("list")
@click.argument("folder", type=FOLDER, default=".")
@click.option("--config", type=FOLDER, help="The same as FOLDER.")
@click.option("--control-id", help="MSH-10.")
@click.option("--type", "type_", help="Type from its beginning: ORU, or ORU^R01.")
@click.option("--sender", help="MSH-3|MSH-4 from its beginning.")
@click.option("--patient", help="A patient identifier, the first of PID-3.")
@click.option("--order", help="The filler's order number, else the placer's.")
@click.option("--channel", help="The name of a channel.")
@click.option("--state", type=click.Choice(_STATES), help="Of a delivery or of the message.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    help="At most so many, the newest.",
)
@since_option
@_json
def list_(
    folder: Path,
    config: Path | None,
    type_: str | None,
    state: str | None,
    since: float | None,
    as_json: bool,
    **criteria: Any,
) -> None:
    """List the newest messages of the store that FOLDER configures.

    Neither content nor patient is shown: `messages show` does, one message at a time.
    """
    search = Search(
        type=type_,
        state=next((one for one in State if one == state), None),
        outcome=next((one for one in Outcome if one == state), None),
        since=since,
        **criteria,
    )
    with Reader(store_of(config or folder)) as reader:
        found = reader.find(search)
        if not found:
            require_channel(config or folder, search.channel, reader)
    if as_json:
        _echo([listing.brief(message) for message in found])
    else:
        listing.table(found, more=len(found) == search.limit)


@messages.command()
@click.argument("number", type=int)
@click.argument("folder", type=FOLDER, default=".")
@click.option("--config", type=FOLDER, help="The same as FOLDER.")
@click.option("--raw", is_flag=True, help="Its bytes as they were received, and nothing else.")
@_json
def show(number: int, folder: Path, config: Path | None, raw: bool, as_json: bool) -> None:
    """Show message NUMBER of the store that FOLDER configures: its answer, its deliveries.

    It names the patient; the content it shows only with --raw.
    """
    with Reader(store_of(config or folder)) as reader:
        found, payload = reader.message(number), reader.raw(number) if raw else None
    if found is None:
        raise StoreError(f"there is no message {number}")
    if raw:
        _write(payload, number)
    elif as_json:
        _echo(listing.whole(found))
    else:
        listing.page(found)


@messages.command("replay")
@click.argument("numbers", type=int, nargs=-1, metavar="[NUMBER]...")
@click.option("--all", "every", type=click.Choice(["dead", "held"]), help="All that are.")
@_config
@click.option("--to", "destination", help="Only to this destination.")
@click.option("--force", is_flag=True, help="Even when its lane has sent something newer.")
@_json
def replay_(
    numbers: tuple[int, ...],
    every: str | None,
    config: Path,
    destination: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Send messages again, from their bytes and under the mapping of now.

    What is held or dead is sent again; when nothing is, what was delivered. A message is
    refused when its lane (its patient) has sent something newer since, unless it is forced.
    Exit status: 1 when one of them is refused.
    """
    if bool(numbers) == bool(every):
        raise click.UsageError("name messages by NUMBER, or all of a state by --all")
    chosen = _all_in(State(every), config) if every else numbers
    _review(replay, chosen, destination, force, _Said(as_json, "queued"), config)


@messages.command("give-up")
@click.argument("numbers", type=int, nargs=-1, required=True, metavar="NUMBER...")
@_config
@click.option("--to", "destination", help="Only to this destination.")
@click.option("--queued", is_flag=True, help="Also what waits, as for a destination that is gone.")
@_json
def give_up(
    numbers: tuple[int, ...],
    config: Path,
    destination: str | None,
    queued: bool,
    as_json: bool,
) -> None:
    """Let the lanes of held or dead messages go on without them.

    The messages stay in the store as dead letters. Exit status: 1 when one is neither.
    """
    _review(abandon, numbers, destination, queued, _Said(as_json, "dead"), config)


def _all_in(state: State, config: Path) -> list[int]:
    """Messages with a delivery in a state, the oldest first: so their lanes go forward."""
    with Reader(store_of(config)) as reader:
        return sorted(reader.numbers(Search(state=state, limit=-1)))


class _Said:
    """How the result is told, message by message."""

    def __init__(self, as_json: bool, state: str) -> None:
        self._as_json = as_json
        self._state = state
        self._results: list[dict[str, Any]] = []
        self.failed = False

    def done(self, number: int, deliveries: Sequence[int]) -> None:
        self._results.append({"message": number, "deliveries": deliveries, "state": self._state})
        if not self._as_json:
            click.echo(f"message {number}: {len(deliveries)} {self._state}")

    def refused(self, number: int, reason: StoreError) -> None:
        self.failed = True
        self._results.append({"message": number, "refused": str(reason)})
        if not self._as_json:
            click.echo(str(reason), err=True)

    def end(self) -> None:
        if self._as_json:
            _echo(self._results)
        click.get_current_context().exit(1 if self.failed else 0)


def _review(
    act: Callable[[Session, Review], list[int]],
    numbers: Sequence[int],
    destination: str | None,
    force: bool,
    said: _Said,
    config: Path,
) -> None:
    """Each message in a transaction of its own: what is refused leaves the others alone."""
    path = store_of(config)
    for number in numbers:
        try:
            with short_session(path, time.time) as session:
                deliveries = act(session, Review(number, destination, force))
        except StoreError as reason:
            said.refused(number, reason)
        else:
            said.done(number, deliveries)
    said.end()


def _write(payload: bytes | None, number: int) -> None:
    if payload is None:
        raise StoreError(f"the bytes of message {number} have been purged")
    if sys.stdout.isatty():
        from engine.cli.show import hl7
        from engine.cli.terminal import console

        console().print(hl7(payload))
    else:
        click.echo(payload, nl=False)


def _echo(what: object) -> None:
    click.echo(orjson.dumps(what, option=orjson.OPT_INDENT_2).decode())
