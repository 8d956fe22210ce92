"""Real receivers on loopback: a webhook and a mail server that keep what they get."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class _Server:
    """A server of the standard library in a thread."""

    server: socketserver.BaseServer

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])  # type: ignore[index]


class Webhook(_Server):
    """Takes JSON; `status` is what it answers, `delay` seconds later, and only what it accepts counts as received."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, Any]]] = []
        self.status, self.delay = 200, 0.0
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                time.sleep(hook.delay)
                if hook.status == 200:
                    hook.received.append((self.path.strip("/"), body))
                self.send_response(hook.status)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def url(self, path: str) -> str:
        """The address of a contact at this receiver."""
        return f"json://127.0.0.1:{self.port}/{path}"

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.received]


class MailServer(_Server):
    """Speaks as much SMTP as a client needs to deliver."""

    def __init__(self) -> None:
        self.received: list[EmailMessage] = []
        mails = self.received

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self._say("220 sink")
                while line := self.rfile.readline().strip().upper():
                    if line.startswith(b"DATA"):
                        self._say("354 go on")
                        mails.append(self._message())
                    if line.startswith(b"QUIT"):
                        break
                    self._say("250 ok")
                self._say("221 bye")

            def _message(self) -> EmailMessage:
                raw = b""
                while (line := self.rfile.readline()) != b".\r\n":
                    raw += line
                parsed = message_from_bytes(raw, policy=policy.default)
                assert isinstance(parsed, EmailMessage)
                return parsed

            def _say(self, text: str) -> None:
                self.wfile.write(f"{text}\r\n".encode())

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)

    def url(self, to: str) -> str:
        return f"mailto://127.0.0.1:{self.port}/?mode=insecure&from=suture@example.org&to={to}"
