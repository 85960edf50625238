"""A bcc program whose events stay in guest memory until somebody fetches them.

The events go to a BPF ring buffer that nobody reads during a trial: reading would cost the guest time. At the
end the agent copies it out; if the guest crashed, the host reads the same pages from outside. Layout of the
buffer: Documentation/bpf/ringbuf.rst and kernel/bpf/ringbuf.c (a page with the consumer's position, one with
the producer's, then the data, mapped twice in a row).
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator, Mapping, Sequence
from ctypes import Structure, byref, c_int, c_ssize_t, c_ulonglong, c_void_p, py_object, pythonapi
from pathlib import Path
from typing import Any, ClassVar

from faultkit.kit import Buffer

try:
    from bcc import BPF
except ImportError:  # the host describes monitors and decodes; only the guest has Debian's python3-bpfcc
    BPF = None

RING_BYTES = 128 * 4096  # as in every .bpf.c: BPF_RINGBUF_OUTPUT(..., 128)
DISCARDED = 1 << 30
POSITION = struct.Struct("<Q")
RECORD = struct.Struct("<II")


class BpfProgram:
    """A bcc program with a ring buffer of events and a counter of lost ones.

    A file NAME.bpf.c that calls them `NAME_events` and `NAME_lost` says that all its global names are its own: it is
    compiled together with others. A file that calls them `events` and `lost` is compiled alone. Each compilation takes
    ten seconds of the guest's time, however much there is to compile, so programs wait until one of them must `start`.
    """

    _waiting: ClassVar[list[BpfProgram]] = []

    def __init__(self, source: Path, **defines: object) -> None:
        self.source = source
        self.text = with_macros(source.read_text(), defines)
        stem = source.name.partition(".")[0]
        self.prefix = f"{stem}_" if f"({stem}_events," in self.text else ""
        self._bpf: Any = None
        self._start = 0
        self._waiting.append(self)

    def start(self) -> None:
        """Compile and load; tracepoints are attached by that. Raises: OSError."""
        self._compile()

    def _compile(self) -> None:
        if self._bpf is None:
            waiting, self._waiting[:] = [*self._waiting], []
            load_all(waiting)

    def loaded(self, bpf: Any) -> None:
        """Go on with a compiled program, which may hold other monitors' programs, too."""
        self._bpf = bpf
        fd = self.table("events").map_fd
        self._consumer = mmap.mmap(fd, 4096)
        self._producer = mmap.mmap(fd, 4096 + 2 * RING_BYTES, prot=mmap.PROT_READ, offset=4096)

    @property
    def bpf(self) -> Any:
        """The BPF object of bcc, compiled on first use."""
        self._compile()
        return self._bpf

    def table(self, name: str) -> Any:
        """A table of the program by its name in the file, without the file's prefix: `events`, `lost`, or another."""
        return self.bpf[self.prefix + name]

    def on_function(self, function: str, entry: str, leave: str | None = None) -> bool:
        """Attach to a kernel function; False if it cannot be probed (inlined, or refused by the kernel)."""
        try:
            self.bpf.attach_kprobe(event=function, fn_name=entry)
            if leave:
                self.bpf.attach_kretprobe(event=function, fn_name=leave)
        except Exception:  # bcc raises bare ones
            return False
        return True

    def counter(self, name: str) -> int:
        """The first cell of an array of counters."""
        return int(self.table(name)[0].value)

    def reset(self) -> None:
        """Everything so far is read."""
        self._start = self._position()
        self._consumer[: POSITION.size] = POSITION.pack(self._start)
        self.table("lost")[0] = c_ulonglong(0)

    def collect(self) -> bytes:
        at = 4096 + self._start % RING_BYTES
        return self._producer[at : at + self._position() - self._start]

    def lost(self) -> int:
        return self.counter("lost")

    def buffer(self) -> Buffer | None:
        head, *pages = frames(self._producer, 4096 + RING_BYTES)
        return Buffer(head, tuple(pages), self._start)

    def error(self) -> str | None:
        return None

    def _position(self) -> int:
        return int(POSITION.unpack_from(self._producer)[0])


def with_macros(source: str, defines: Mapping[str, object]) -> str:
    """A source with its parameters as macros, which end with it."""
    before = "".join(f"#define {name} {value}\n" for name, value in defines.items())
    after = "".join(f"#undef {name}\n" for name in defines)
    return f"{before}{source}\n{after}"


def load_all(programs: Sequence[BpfProgram]) -> None:
    """Load programs: those together that may be, each other one alone. Raises: OSError."""
    together = {program.prefix: program for program in programs if program.prefix}
    load([*together.values()])
    for program in programs:
        if together.get(program.prefix) is not program:
            load([program])


def load(programs: Sequence[BpfProgram]) -> None:
    """Load programs together; where that fails, one by one. Raises: OSError that names the one that fails."""
    if not programs:
        return
    try:
        bpf = BPF(text="".join(program.text for program in programs), cflags=["-w"])
    except Exception as reason:  # bcc raises bare ones
        if len(programs) == 1:
            raise OSError(f"the monitor {programs[0].source.name} does not compile or load: {reason}") from None
        for program in programs:
            load([program])
        return
    for program in programs:
        program.loaded(bpf)


def frames(memory: mmap.mmap, size: int) -> list[int]:
    """The physical page of each page of a mapping (Documentation/admin-guide/mm/pagemap.rst)."""
    start = address_of(memory)
    for page in range(0, size, 4096):
        memory[page]  # so that the kernel maps it
    with Path("/proc/self/pagemap").open("rb") as pagemap:
        pagemap.seek(start // 4096 * 8)
        entries = struct.unpack(f"<{size // 4096}Q", pagemap.read(size // 4096 * 8))
    return [entry & ((1 << 55) - 1) for entry in entries]


def address_of(memory: mmap.mmap) -> int:
    """Where a mapping lies in this process: ctypes tells it only of writable buffers, /proc of every file's."""
    view = PyBuffer()
    pythonapi.PyObject_GetBuffer(py_object(memory), byref(view), 0)
    try:
        return int(view.buf or 0)
    finally:
        pythonapi.PyBuffer_Release(byref(view))


class PyBuffer(Structure):
    """CPython's Py_buffer (PEP 3118): ctypes' own `from_buffer` refuses read-only memory."""

    _fields_ = (
        ("buf", c_void_p), ("obj", py_object), ("len", c_ssize_t), ("itemsize", c_ssize_t), ("readonly", c_int),
        ("ndim", c_int), ("format", c_void_p), ("shape", c_void_p), ("strides", c_void_p), ("suboffsets", c_void_p),
        ("internal", c_void_p),
    )  # fmt: skip


Program = BpfProgram  # the name in monitors that were written before


def records(raw: bytes) -> Iterator[bytes]:
    """The events in a collected buffer, each as its program wrote it."""
    at = 0
    while at + RECORD.size <= len(raw):
        length, _ = RECORD.unpack_from(raw, at)
        size = length & (DISCARDED - 1)
        if length >> 31:  # still being written when the guest died
            return
        if not length & DISCARDED:
            yield raw[at + RECORD.size : at + RECORD.size + size]
        at += RECORD.size + (size + 7) // 8 * 8
