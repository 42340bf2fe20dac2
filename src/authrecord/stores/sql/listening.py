"""Waiting on PostgreSQL without polling: one connection for each process that listens, and whoever waits for what.

A transaction-mode pooler takes LISTEN and delivers nothing. So the listener asks once whether it hears: a message
to itself, sent over another connection. Where it does not arrive this is said once in the log, and waiters look
again by themselves.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import psycopg

from ...core.errors import AuthrecordError
from ..forking import leak
from .backend import Wait
from .postgres_connection import PatientConnection

log = logging.getLogger("authrecord")

CHANNEL: Final = "authrecord"
"""One channel for all; what is listened for is in the message, so that a new waiter costs no round trip."""

PROBE_SECONDS: Final = 1.0
"""How long the message to ourselves may take."""

TURN_SECONDS: Final = 1.0
"""How often the listening thread looks whether it shall end."""

TURNS_WITHOUT_A_WORD: Final = 5
"""After so many turns in which nothing arrived it asks the server whether it is still there: a network that
swallows packets ends no connection, and a listener that hears nothing for ever would leave everybody to look for
themselves, every few seconds, until the process ends."""


class Listener:
    """Listens by a connection that `connect` makes. `send(topic)` notifies over another connection.

    `hears`: whether notifications arrive. Nothing is connected before somebody waits.
    """

    def __init__(self, connect: Callable[[], PatientConnection], send: Callable[[str], None]) -> None:
        self.hears = False
        self._connect = connect
        self._send = send
        self._lock = threading.Lock()
        self._waiters: dict[str, list[threading.Event]] = {}
        self._connection: PatientConnection | None = None
        self._deaf = False
        self._closed = False

    @contextmanager
    def waiting(self, topic: str) -> Iterator[Wait]:
        """See `Backend.waiting`."""
        woken = threading.Event()
        with self._lock:
            self._waiters.setdefault(topic, []).append(woken)
        self._start()

        def wait(seconds: float) -> None:
            woken.wait(seconds)
            woken.clear()

        try:
            yield wait
        finally:
            with self._lock:
                events = self._waiters.get(topic, [])
                if woken in events:
                    events.remove(woken)
                if not events:
                    self._waiters.pop(topic, None)

    def close(self) -> None:
        """Stop listening, and let everybody look for themselves."""
        self._closed = True
        self._wake_all()

    def before_fork(self) -> None:
        """See `Forks`."""
        self._lock.acquire()

    def after_fork_in_parent(self) -> None:
        """See `Forks`."""
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """See `Forks`."""
        self._lock = threading.Lock()
        self.hears = False
        self._waiters = {}
        if self._connection is not None:
            leak(self._connection)
            self._connection = None

    def _start(self) -> None:
        """Begin to listen, unless that is so already or is known to be of no use."""
        with self._lock:
            if self._connection is not None or self._deaf or self._closed:
                return
            try:
                connection = self._connection = self._connect()
                connection.execute(f"LISTEN {CHANNEL}")
            except psycopg.Error:
                self._connection = None
                return  # waiters look for themselves; the next one tries again
        try:
            heard = self._probe(connection)
        except (psycopg.Error, AuthrecordError):
            self._drop(connection)
            return
        if not heard:
            self._deaf = True
            self._drop(connection)
            log.warning(
                "the store's database delivers no notifications (a pooler in transaction mode?): waiters look again "
                "by themselves. AUTHRECORD_STORE_LISTEN may name a way to it that has none."
            )
            return
        self.hears = True
        threading.Thread(
            target=self._listen, args=(connection,), name="authrecord-listener", daemon=True
        ).start()

    def _probe(self, connection: PatientConnection) -> bool:
        question = f"probe_{os.urandom(8).hex()}"
        self._send(question)
        for notice in connection.notifies(timeout=PROBE_SECONDS):
            if notice.payload == question:
                return True
            self._wake(notice.payload)
        return False

    def _listen(self, connection: PatientConnection) -> None:
        try:
            silent = 0
            while not self._closed:
                silent += 1
                for notice in connection.notifies(timeout=TURN_SECONDS):
                    silent = 0
                    self._wake(notice.payload)
                if silent >= TURNS_WITHOUT_A_WORD:
                    connection.execute("SELECT 1")
                    silent = 0
        except psycopg.Error:
            log.info("the connection that waits for the store's database has ended")
        finally:
            self._drop(connection)

    def _drop(self, connection: PatientConnection) -> None:
        self.hears = False
        with self._lock:
            if self._connection is connection:
                self._connection = None
        connection.close()
        self._wake_all()

    def _wake(self, topic: str) -> None:
        with self._lock:
            for event in self._waiters.get(topic, ()):
                event.set()

    def _wake_all(self) -> None:
        with self._lock:
            for events in self._waiters.values():
                for event in events:
                    event.set()
