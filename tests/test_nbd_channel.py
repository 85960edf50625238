"""NBD's messages are cut out of the stream as they are; those that are asked for meet with what is asked for."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.nbd.messages import FIELDS, KINDS, REPLY, REQUEST, Conversation, Message, field_at
from drivers.nbd.netlink import receive
from drivers.nbd.proxy import ARMED
from drivers.nbd.tampering import ACTIONS, Arming, refusal, tampered
from faultkit.guest.commands import retry
from faultkit.model.parts import Tampering

REQUEST_MAGIC, REPLY_MAGIC = 0x25609513, 0x67446698
HELLO = b"NBDMAGICIHAVEOPT\0\3"


def request(kind: str, cookie: int, offset: int = 0, length: int = 0, payload: bytes = b"") -> bytes:
    head = REQUEST.pack(REQUEST_MAGIC, 0, KINDS.index(kind), cookie.to_bytes(8, "big"), offset, length or len(payload))
    return head + payload


def reply(cookie: int, payload: bytes = b"", error: int = 0) -> bytes:
    return REPLY.pack(REPLY_MAGIC, error, cookie.to_bytes(8, "big")) + payload


def what(action: str, direction: str = "reply", **parts: Any) -> Tampering:
    return Tampering(action=action, direction=direction, **parts)


exchanges = st.lists(
    st.tuples(st.sampled_from(KINDS), st.binary(min_size=1, max_size=64), st.sampled_from([0, 5]), st.booleans()),
    max_size=12,
)


@given(exchanges)
def test_streams_of_messages_are_cut_into_the_messages(exchanged: list[tuple[str, bytes, int, bool]]) -> None:
    """Replies come in any order; only a read that succeeded is answered with data, and only a write carries them."""
    requests, replies = [], []
    for cookie, (kind, payload, error, early) in enumerate(exchanged):
        carried = payload if kind == "write" else b""
        requests.append((kind, request(kind, cookie, 4096, len(payload), carried)))
        answer = (kind, reply(cookie, payload if kind == "read" and not error else b"", error))
        replies.insert(0 if early else len(replies), answer)
    conversation = Conversation()
    for kind, data in requests:
        assert conversation.request(exactly(data)) == Message("request", kind, data)
        conversation.sent(data)
    for kind, data in replies:
        assert conversation.reply(exactly(data)) == Message("reply", kind, data)
    assert not conversation.expected, "nothing is remembered for ever"


def exactly(data: bytes) -> Any:
    """A stream that holds just these bytes and minds being asked for others."""
    left = [data]

    def receive_some(count: int) -> bytes:
        assert count <= len(left[0])
        part, left[0] = left[0][:count], left[0][count:]
        return part

    return receive_some


def test_a_request_that_was_sent_twice_is_answered_twice() -> None:
    conversation = Conversation()
    for _ in range(2):
        conversation.sent(request("read", 7, length=4))
    kinds = [conversation.reply(exactly(reply(7, b"data"))).kind for _ in range(2)]
    assert kinds == ["read", "read"]
    assert conversation.reply(exactly(reply(7))).kind == "", "a third was not asked for"


@pytest.mark.parametrize(("nth", "times", "met"), [(1, 1, [1]), (2, 3, [2, 3, 4]), (4, 0, [4, 5, 6]), (9, 1, [])])
def test_the_nth_and_those_that_follow_are_due(nth: int, times: int, met: list[int]) -> None:
    arming = Arming(what("drop", message="read", nth=nth, times=times))
    reads = [Message("reply", "read", reply(n, b"data")) for n in range(6)]
    others = [Message("reply", "write", reply(8)), Message("request", "read", request("read", 8))]
    due = []
    for number, read in enumerate(reads, 1):
        assert not any(arming.is_due(other) for other in others), "these are not counted"
        due += [number] if arming.is_due(read) else []
    assert due == met


def test_only_messages_that_have_the_field_are_counted() -> None:
    arming = Arming(what("corrupt", field="payload", byte=3))
    assert not arming.is_due(Message("reply", "write", reply(1)))
    assert not arming.is_due(Message("reply", "read", reply(1, b"abc")))
    assert arming.is_due(Message("reply", "read", reply(1, b"abcd")))


MESSAGE = Message("request", "write", request("write", 3, 8192, payload=b"payload"))


@given(st.sampled_from(["", *FIELDS["request"]]), st.integers(0, 2**64 - 1))
def test_a_corrupted_message_differs_in_one_bit_of_its_field(name: str, draw: int) -> None:
    [arrived], words = tampered(what("corrupt", "request", field=name, draw=draw), MESSAGE)
    assert len(arrived) == len(MESSAGE.data)
    changed = [at for at, (a, b) in enumerate(zip(arrived, MESSAGE.data, strict=True)) if a != b]
    assert len(changed) == 1
    assert (arrived[changed[0]] ^ MESSAGE.data[changed[0]]).bit_count() == 1
    assert name in ("", field_at("request", changed[0]))
    assert f"byte {changed[0]}:" in words


def test_a_field_is_overwritten_with_a_value() -> None:
    [arrived], words = tampered(what("corrupt", "reply", field="error", value=28), Message("reply", "read", reply(1)))
    assert arrived == reply(1, error=28)
    assert words == "read reply of 16 bytes: error 00000000 -> 0000001c"


def test_each_action_does_what_it_says() -> None:
    data = MESSAGE.data
    arriving = {action: tampered(what(action, "request", cut_bytes=3), MESSAGE)[0] for action in ACTIONS}
    del arriving["corrupt"]
    assert arriving == {"drop": [], "delay": [data], "truncate": [data[:-3]], "duplicate": [data, data]}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (what("lose"), "there is no action 'lose': there are drop, delay"),
        (what("drop", "up"), "there is no direction 'up': there are request, reply"),
        (what("drop", message="ping"), "NBD has no message 'ping': there are read"),
        (what("corrupt", field="length"), "a reply has no field 'length': there are magic, error"),
        (what("corrupt", field="magic", byte=4), "magic has no byte 4"),
        (what("corrupt", field="error", value=1 << 32), "the value 4294967296 does not fit"),
        (what("corrupt", field="payload", value=1), "the value 1 does not fit"),
        (what("drop", nth=0), "nth and cut_bytes must be at least 1"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(wrong: Tampering, words: str) -> None:
    assert str(refusal(wrong)).startswith(words)


def test_what_can_be_done_is_not_refused() -> None:
    assert [refusal(what(action, direction)) for action in ACTIONS for direction in FIELDS] == [None] * 10
    assert refusal(what("corrupt", "request", field="offset", byte=7, draw=1 << 63)) is None


@dataclass(frozen=True)
class Wire:
    """A proxy that runs, and a server behind it that greets, then answers each read with its offset."""

    home: Path

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(5)
        client.connect(str(self.home / "listen"))
        assert receive(client, len(HELLO)) == HELLO
        return client

    def arm(self, tampering: Tampering) -> socket.socket:
        control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        control.settimeout(5)
        control.connect(str(self.home / "control"))
        control.send(json.dumps(asdict(tampering)).encode())
        assert control.recv(100) == ARMED
        return control


def serve(client: socket.socket) -> None:
    """The server's end of one connection."""
    with client, suppress(OSError):
        client.sendall(HELLO)
        while head := client.recv(REQUEST.size):
            _, _, _, cookie, offset, _ = REQUEST.unpack(head)
            client.sendall(REPLY.pack(REPLY_MAGIC, 0, cookie) + offset.to_bytes(8, "big"))


def accept(listener: socket.socket) -> None:
    """All connections, until the test is over."""
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        Thread(target=serve, args=(client,), daemon=True).start()


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "server"))
        server.listen()
        Thread(target=accept, args=(server,), daemon=True).start()
        paths = [str(tmp_path / name) for name in ("listen", "control", "server")]
        proxy = subprocess.Popen([sys.executable, "-m", "drivers.nbd.proxy", *paths], cwd=Path(__file__).parents[1])
        try:
            retry(partial(os.stat, tmp_path / "control"), timeout_s=10)
            retry(partial(connectable, tmp_path / "control"), timeout_s=10)
            yield Wire(tmp_path)
        finally:
            proxy.kill()
            proxy.wait()
            server.shutdown(socket.SHUT_RDWR)


def connectable(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.connect(str(path))


def ask(client: socket.socket, cookie: int) -> bytes:
    """The answer to a read of 8 bytes."""
    client.sendall(request("read", cookie, offset=cookie << 12, length=8))
    return receive(client, REPLY.size + 8)


def answer(cookie: int) -> bytes:
    """The message that nobody tampers with."""
    return reply(cookie, (cookie << 12).to_bytes(8, "big"))


def test_the_proxy_passes_everything_on_until_it_is_told_otherwise(wire: Wire) -> None:
    with wire.connect() as client:
        assert ask(client, 1) == answer(1)
        with wire.arm(what("corrupt", field="error", value=5, nth=2)) as control:
            assert ask(client, 2) == answer(2)
            client.sendall(request("read", 3, length=8))
            assert receive(client, REPLY.size) == reply(3, error=5)
            t_ns, _, words = control.recv(512).decode().partition(" ")
            assert int(t_ns) > 0
            assert words == "read reply of 24 bytes: error 00000000 -> 00000005"


def test_an_arming_ends_with_its_client_and_holds_across_connections(wire: Wire) -> None:
    with wire.arm(what("duplicate", times=0)):
        for _ in range(2):
            with wire.connect() as client:
                assert ask(client, 1) == answer(1)
                assert receive(client, len(answer(1))) == answer(1), "the second copy"
    retry(partial(answered_once, wire), timeout_s=5)


def answered_once(wire: Wire) -> None:
    """Raises: OSError if answers still come twice; the proxy hears of a hang-up when it gets to it."""
    with wire.connect() as client:
        if [ask(client, n) for n in (1, 2)] != [answer(1), answer(2)]:
            raise OSError("doubled")


def test_a_request_that_is_dropped_never_reaches_the_server(wire: Wire) -> None:
    with wire.connect() as client, wire.arm(what("drop", "request", nth=1)) as control:
        client.sendall(request("read", 1, length=8) + request("read", 2, offset=2 << 12, length=8))
        assert receive(client, len(answer(2))) == answer(2)
        assert control.recv(512).endswith(b"read request of 28 bytes: dropped")


def test_what_is_no_message_passes_as_it_is(wire: Wire) -> None:
    with wire.connect() as client, wire.arm(what("drop", "request", times=0)):
        client.sendall(bytes(REQUEST.size))
        assert receive(client, REPLY.size)[:4] == REPLY_MAGIC.to_bytes(4, "big"), "our server answers anything"


def test_both_ends_hang_up_together(wire: Wire) -> None:
    with wire.connect() as client:
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
