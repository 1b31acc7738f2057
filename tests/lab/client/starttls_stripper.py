# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A man in the middle who keeps SMTP in plaintext and writes down what he reads, run inside a container of his own.

Usage: starttls_stripper.py UPSTREAM RECORD. He listens on the mail server's ports and hands on to the same ports of
UPSTREAM. In SMTP he takes STARTTLS out of the answer to EHLO, and refuses it himself to whoever asks all the same. Each
line of SMTP is a line of JSON in RECORD: `connection` (a number), `port`, `speaker` (client or server), and `line`.
Mailboxes are handed on untouched.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

SMTP_PORTS = (25, 587, 2525, 2526)
OTHER_PORTS = (110, 143, 465, 993, 995)
REFUSAL = b"502 5.5.1 Command not implemented\r\n"

Note = Callable[[str, bytes], None]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


def without_starttls(reply: list[bytes]) -> list[bytes]:
    """A reply's lines without the one that offers STARTTLS; the last one left is marked as the last."""
    kept = [line for line in reply if line[4:].strip().upper() != b"STARTTLS"]
    return [line[:3] + b"-" + line[4:] for line in kept[:-1]] + [line[:3] + b" " + line[4:] for line in kept[-1:]]


class Conversation:
    """One SMTP connection, between its client and the real server."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self._in_message = False

    async def from_server(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        reply: list[bytes] = []
        while line := await server.readline():
            self._note("server", line)
            reply.append(line)
            if line[3:4] == b"-":
                continue
            self._in_message = line.startswith(b"354")
            client.writelines(without_starttls(reply))
            await client.drain()
            reply.clear()

    async def from_client(
        self, client: asyncio.StreamReader, server: asyncio.StreamWriter, answer: asyncio.StreamWriter
    ) -> None:
        while line := await client.readline():
            self._note("client", line)
            if not self._in_message and line.strip().upper() == b"STARTTLS":
                answer.write(REFUSAL)
                continue
            server.write(line)
            await server.drain()


async def hand_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        target.write(data)
        await target.drain()


async def until_one_ends(*directions: Coroutine[None, None, None]) -> None:
    """Wait for the first direction that ends, and end the others."""
    tasks = [asyncio.create_task(direction) for direction in directions]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await task


def handler(upstream: str, port: int, record: Path, numbers: itertools.count[int]) -> Handler:
    async def handle(client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        number = next(numbers)

        def note(speaker: str, line: bytes) -> None:
            words = {"connection": number, "port": port, "speaker": speaker, "line": line.decode("latin-1").rstrip()}
            with record.open("a", encoding="utf-8") as file:
                file.write(json.dumps(words) + "\n")

        server, to_server = await asyncio.open_connection(upstream, port)
        if port in SMTP_PORTS:
            conversation = Conversation(note)
            await until_one_ends(
                conversation.from_server(server, to_client), conversation.from_client(client, to_server, to_client)
            )
        else:
            await until_one_ends(hand_on(server, to_client), hand_on(client, to_server))
        to_client.close()
        to_server.close()

    return handle


async def main(upstream: str, record: Path) -> None:
    numbers = itertools.count(1)
    for port in (*SMTP_PORTS, *OTHER_PORTS):
        await asyncio.start_server(handler(upstream, port, record, numbers), "0.0.0.0", port)  # noqa: S104 - his job
    record.touch()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
