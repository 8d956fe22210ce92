"""A real PostgreSQL server for tests: initialised in a folder of its own, on a loopback port of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import psycopg

BINARIES = Path("/usr/lib/postgresql")
QUICK = "-c fsync=off -c full_page_writes=off -c max_connections=200 -c listen_addresses=127.0.0.1"


class PostgresServer:
    """`start` it, make `database`s in it, `stop` and start it again as an outage would, and `remove` it.

    The server refuses to run as root, so root's tests run it as the package's user `postgres`.
    """

    user = "postgres"
    password = "tea-for-two-at-three"

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="suture-postgres-"))
        self.data = self.folder / "data"
        self.port = _free_port()
        self._count = 0
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")

    @staticmethod
    def installed() -> bool:
        """Whether Debian's packages are there."""
        return bool(list(BINARIES.glob("*/bin/initdb")))

    def start(self) -> PostgresServer:
        """Returns when the server answers."""
        if not self.data.exists():
            secret = self.folder / "password"
            secret.write_text(self.password)
            secret.chmod(0o644)
            self._run(
                "initdb", "-D", self.data, "-U", self.user, "--auth=scram-sha-256", f"--pwfile={secret}", "-N"
            )
        options = f"-p {self.port} -k {self.folder} {QUICK}"
        self._run("pg_ctl", "-D", self.data, "-l", self.folder / "log", "-o", options, "-w", "start")
        return self

    def stop(self, mode: str = "immediate") -> None:
        """Stop it as a crash does (`immediate`) or politely (`fast`)."""
        self._run("pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")

    def remove(self) -> None:
        """Stop it and delete its files."""
        if (self.data / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def database(self) -> str:
        """The URL of a new, empty database."""
        self._count += 1
        name = f"suture_{os.getpid()}_{self._count}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def url(self, name: str) -> str:
        return f"postgresql://{self.user}:{self.password}@127.0.0.1:{self.port}/{name}"

    def _run(self, program: str, *args: str | Path) -> None:
        binary = max(BINARIES.glob(f"*/bin/{program}"), key=lambda p: int(p.parts[-3]))
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*as_user, str(binary), *map(str, args)]
        # pg_ctl hands its standard output to the server, which would keep a pipe open for ever.
        with (self.folder / "output").open("w+") as output:
            done = subprocess.run(command, stdout=output, stderr=output, cwd=self.folder, check=False)
        if done.returncode:
            raise RuntimeError(f"{program} failed: {(self.folder / 'output').read_text()}")


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port
