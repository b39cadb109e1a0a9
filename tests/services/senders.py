"""MLLP senders that were not written by us, each as one function: a folder of messages goes out.

Every one of them answers with what *its* reader made of our acknowledgement:
file name, ACK code, and (where the sender tells it) the control id of MSA-2.
"""

import asyncio
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.services import maven, need

HERE = Path(__file__).parent
NODE_HOW = "install Node.js 20.15 or newer with npm (or run .ci/services)"
HOST = "127.0.0.1"


class Answer(NamedTuple):
    """What a foreign sender understood of one of our answers."""

    file: str
    code: str
    control_id: str | None


Sender = Callable[[int, Path], list[Answer]]


def hapi_parsed(port: int, folder: Path) -> list[Answer]:
    """HAPI HL7v2 2.6: the message encoded by HAPI, our answer parsed by it."""
    return _run([*maven.java("mllp", "HapiSender"), "parsed", HOST, str(port), str(folder)])


def hapi_raw(port: int, folder: Path) -> list[Answer]:
    """HAPI HL7v2 2.6: the text as it is, framed and unframed by HAPI."""
    return _run([*maven.java("mllp", "HapiSender"), "raw", HOST, str(port), str(folder)])


def camel(port: int, folder: Path) -> list[Answer]:
    """Apache Camel 4.14's MLLP producer, which tells the code only."""
    return _run([*maven.java("mllp", "CamelSender"), HOST, str(port), str(folder)])


def node(port: int, folder: Path) -> list[Answer]:
    """node-hl7-client 3.2 on Node.js."""
    script = node_peer() / "send.mjs"
    return _run([need.program("node", NODE_HOW), str(script), HOST, str(port), str(folder)])


def python_hl7(port: int, folder: Path) -> list[Answer]:
    """python-hl7's own MLLP client, in a thread: the test's own has a running loop already."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _python_hl7(port, folder)).result()


SENDERS: tuple[Sender, ...] = (hapi_parsed, hapi_raw, camel, node, python_hl7)


def node_peer() -> Path:
    """The folder with node-hl7-client installed and our script beside it."""
    npm = need.program("npm", NODE_HOW)
    folder = maven.CACHE / "node"
    with maven.locked(folder):
        folder.mkdir(exist_ok=True)
        shutil.copy(HERE / "node" / "send.mjs", folder)
        wanted = (HERE / "node" / "package.json").read_bytes()
        installed = folder / "package.json"
        if not (folder / "node_modules").exists() or installed.read_bytes() != wanted:
            installed.write_bytes(wanted)
            _install(npm, folder)
    return folder


def _install(npm: str, folder: Path) -> None:
    command = [npm, "install", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shutil.rmtree(folder / "node_modules", ignore_errors=True)
        need.leave_out("node-hl7-client", f"the npm registry: {done.stderr.strip()[:300]}")


def _run(command: list[str]) -> list[Answer]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return [_answer(line) for line in done.stdout.splitlines()]


def _answer(line: str) -> Answer:
    file, code, *rest = line.split("\t")
    return Answer(file, code, rest[0] if rest else None)


async def _python_hl7(port: int, folder: Path) -> list[Answer]:
    from hl7.mllp import open_hl7_connection

    reader, writer = await open_hl7_connection(HOST, port, encoding="utf-8")
    answers = []
    for file in sorted(folder.iterdir()):
        text = "\r".join(file.read_text(encoding="utf-8").splitlines()) + "\r"
        writer.writemessage(text)
        await writer.drain()
        message = await asyncio.wait_for(reader.readmessage(), 30)
        msa = message.segment("MSA")
        answers.append(Answer(file.name, str(msa[1]), str(msa[2])))
    writer.close()
    await writer.wait_closed()
    return answers
