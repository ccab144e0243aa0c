"""A client that costs little, so that the two cores belong to the server: raw sockets, keep-alive, one loop for all connections.

It sends prepared bytes and reads status, headers and body of each answer; it waits for an answer before it sends the next request
on the same connection, as browsers do.
"""

import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Answer:
    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        """The value of the first header of that name; empty without one."""
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.decode().lower() == name.lower():
                return value.strip().decode()
        return ""


@dataclass
class Run:
    """What a run gave: seconds of each answer, how many by status."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds if self.seconds else 0.0


class _Line:
    """One connection."""

    def __init__(self, host: str, port: int) -> None:
        self.address = (host, port)
        self.socket = self.connect()
        self.buffer = b""
        self.sent_at = 0.0

    def connect(self) -> socket.socket:
        made = socket.create_connection(self.address, 30)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def feed(self, data: bytes) -> Answer | None:
        """The answer, once it is complete."""
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = self.buffer[:end]
        lower = head.lower()
        at = lower.find(b"\r\ncontent-length:")
        if at >= 0:
            stop = lower.find(b"\r\n", at + 2)
            length = int(lower[at + 17 : stop if stop >= 0 else None])
            whole = end + 4 + length
            if len(self.buffer) < whole:
                return None
            body = self.buffer[end + 4 : whole]
        elif b"transfer-encoding: chunked" in lower:
            if not self.buffer.endswith(b"0\r\n\r\n"):
                return None
            whole, body = len(self.buffer), _unchunked(self.buffer[end + 4 :])
        else:
            whole, body = end + 4, b""
        self.buffer = self.buffer[whole:]
        return Answer(int(head[9:12]), head, body)


def _unchunked(data: bytes) -> bytes:
    out = b""
    while data:
        size, _, rest = data.partition(b"\r\n")
        count = int(size.split(b";")[0], 16)
        if count == 0:
            break
        out, data = out + rest[:count], rest[count + 2 :]
    return out


def drive(
    address: str,
    connections: int,
    following: Callable[[int], bytes | None],
    *,
    seconds: float | None = None,
    seen: Callable[[int, Answer], None] | None = None,
) -> Run:
    """Let each connection send `following(connection)` again and again, until it gives None or the time is over.

    Raises ConnectionError when the server closes a connection in the middle of an answer.
    """
    host, _, port = address.partition(":")
    lines = [_Line(host, int(port)) for _ in range(connections)]
    run = Run()
    chosen = selectors.DefaultSelector()
    start = time.perf_counter()
    end = start + seconds if seconds else float("inf")
    busy = 0
    for number, line in enumerate(lines):
        if (request := following(number)) is not None:
            chosen.register(line.socket, selectors.EVENT_READ, number)
            line.sent_at = time.perf_counter()
            line.socket.sendall(request)
            busy += 1
    clock = time.perf_counter
    while busy:
        for key, _events in chosen.select(30):
            line = lines[key.data]
            data = line.socket.recv(65536)
            if not data:
                raise ConnectionError("the server closed the connection")
            answer = line.feed(data)
            if answer is None:
                continue
            now = clock()
            run.latencies.append(now - line.sent_at)
            run.statuses[answer.status] = run.statuses.get(answer.status, 0) + 1
            if seen is not None:
                seen(key.data, answer)
            request = following(key.data) if now < end else None
            if request is None:
                chosen.unregister(line.socket)
                busy -= 1
                continue
            line.sent_at = now
            line.socket.sendall(request)
    run.seconds = clock() - start
    for line in lines:
        line.socket.close()
    return run


def one(address: str, request: bytes) -> Answer:
    """One request on a connection of its own."""
    answers: list[Answer] = []
    waiting = [request]
    drive(address, 1, lambda _n: waiting.pop() if waiting else None, seen=lambda _n, answer: answers.append(answer))
    return answers[0]


def request(
    method: str, path: str, address: str, *, cookies: dict[str, str] | None = None, body: bytes = b"", **headers: str
) -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {address}"]
    if cookies:
        lines.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in cookies.items()))
    if body or method == "POST":
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
