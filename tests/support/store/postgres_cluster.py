"""A PostgreSQL cluster of the tests' own: made when it is first asked for, gone with this process.

It listens at a unix socket in its folder only, runs as an unprivileged user, and syncs what it commits,
because crash tests kill it. Text sorts by ICU's English rules where PostgreSQL knows them, so that a query
that needs the order of bytes and does not say so shows.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

import psycopg

OWNER = "cityledger"
_UNPRIVILEGED = ("postgres", "nobody")
_READY_SECONDS = 60
# The server ends with the pipe to it: also when the tests are killed.
_WRAPPER = """
trap '' INT TERM
"$0" -D "$1" & server=$!
echo started
read -r _
kill -INT "$server" 2>/dev/null; kill -QUIT "$server" 2>/dev/null
wait "$server"
"""
_CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{folder}'
max_connections = 300
shared_buffers = 64MB
fsync = on
synchronous_commit = on
full_page_writes = on
logging_collector = off
log_min_messages = panic
"""


class ProgramsMissingError(Exception):
    """There is no PostgreSQL on this machine; on Debian: apt-get install postgresql."""


class Cluster:
    """A running server. ``kill`` and ``start`` are for tests of what a node does then."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._user = _unprivileged()
        self.folder = Path(tempfile.mkdtemp(prefix="cityledger-pg-"))
        if self._user is not None:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        self._data = self.folder / "data"
        self._make()
        self.start()

    def start(self) -> None:
        """Starts the server, recovering what it had acknowledged, and waits until it answers."""
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        self._process = self._run(
            ["/bin/sh", "-c", _WRAPPER, str(self._programs / "postgres"), str(self._data)]
        )
        deadline = time.monotonic() + _READY_SECONDS
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError("the cluster did not start; its log is on standard error")
            time.sleep(0.02)

    def kill(self) -> None:
        """Ends the server and its sessions as a power cut would, by SIGKILL; what is on disk stays."""
        server = int((self._data / "postmaster.pid").read_text().splitlines()[0])
        children = _children_of(server)
        os.kill(server, signal.SIGKILL)
        for child in children:
            _kill(child)
        self._end()

    def stop(self) -> None:
        self._end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        return f"postgresql://{OWNER}@/{database}?host={self.folder}"

    def run(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """One statement outside of a transaction; its rows, if it has any."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            found = connection.execute(statement.encode())
            return found.fetchall() if found.description else []

    def _make(self) -> None:
        initdb = str(self._programs / "initdb")
        usage = subprocess.run([initdb, "--help"], capture_output=True, text=True, check=True).stdout
        provider = ["--locale-provider=icu", "--icu-locale=en-US"] if "icu-locale" in usage else []
        arguments = [
            "--no-sync",
            "--auth=trust",
            f"--username={OWNER}",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ]
        made = self._run([initdb, *arguments, *provider, "-D", str(self._data)])
        _out, error = made.communicate()
        if made.returncode != 0:
            raise RuntimeError(f"initdb failed: {error.decode()}")
        with (self._data / "postgresql.conf").open("a") as configuration:
            configuration.write(_CONFIGURATION.format(folder=self.folder))

    def _answers(self) -> bool:
        try:
            self.run("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _run(self, command: list[str]) -> subprocess.Popen[bytes]:
        user = self._user
        is_server = command[0] == "/bin/sh"
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if is_server else subprocess.PIPE,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8"},
            user=None if user is None else user.pw_uid,
            group=None if user is None else user.pw_gid,
            extra_groups=None if user is None else [],
            start_new_session=True,  # Ctrl-C is for the tests; they stop the cluster when they are done
        )


@cache
def running_cluster() -> Cluster:
    """The cluster of this process.

    Raises:
        ProgramsMissingError: PostgreSQL is not installed.
    """
    made, owner = Cluster(_programs()), os.getpid()

    def stop() -> None:
        if os.getpid() == owner:  # a forked child leaves by the same door
            made.stop()

    atexit.register(stop)
    return made


def _programs() -> Path:
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve().parent] if on_path else []
    found += sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: int(one.parent.name), reverse=True
    )
    for folder in found:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise ProgramsMissingError(ProgramsMissingError.__doc__)


def _unprivileged() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in _UNPRIVILEGED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ProgramsMissingError("PostgreSQL does not run as root, and there is no unprivileged user")


def _children_of(parent: int) -> list[int]:
    listing = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(child) for child in listing.read_text().split()] if listing.exists() else []


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
