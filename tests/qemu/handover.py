# SPDX-License-Identifier: MIT
"""What the boot loader hands over, changed on its way: a boot with a memory map that no firmware here has.

The machine stands still at the kernel's first instruction. There QEMU's gdb stub shows the loader's tags (multiboot2:
ebx says where); others are written elsewhere, ebx is set to them, and the machine goes on.
"""

import os
import socket
import struct
import threading
import time

import guest

ELSEWHERE = 64 << 20    # where the changed tags lie: no kernel's image reaches as far
TAG_END, TAG_MAP, TAG_EFI_MAP = 0, 6, 17
RESERVED = 2            # kinds of memory: in the one map
EFI_CONVENTIONAL, EFI_SPECIAL_PURPOSE = 7, 0x40000  # and in the other, with an attribute


class Stub:
    """The remote protocol of gdb, as far as it is needed here."""

    RBX = 1  # its number among the registers

    def __init__(self, path):
        deadline = time.monotonic() + 30
        while True:
            self.socket = socket.socket(socket.AF_UNIX)
            try:
                self.socket.connect(path)
                break
            except OSError:
                self.socket.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        self.socket.settimeout(120)
        self.stream = self.socket.makefile("rwb", buffering=0)
        self.ask("qXfer:features:read:target.xml:0,400")  # before that QEMU gives no single register

    def ask(self, text):
        self.tell(text)
        return self.answer()

    def must(self, text):
        answer = self.ask(text)
        if answer != "OK":
            raise ValueError("QEMU's gdb stub answers %r to %s" % (answer, text[:20]))

    def tell(self, text):
        self.stream.write(b"$%s#%02x" % (text.encode(), sum(text.encode()) & 255))

    def answer(self):
        while self.stream.read(1) != b"$":  # acknowledgements
            pass
        text = b""
        while (byte := self.stream.read(1)) not in (b"#", b""):
            text += byte
        self.stream.read(2)
        self.stream.write(b"+")
        return text.decode()

    def run_to(self, address):
        self.must("Z1,%x,1" % address)
        self.tell("c")
        self.answer()
        self.must("z1,%x,1" % address)

    def register(self, number):
        return struct.unpack("<Q", bytes.fromhex(self.ask("p%x" % number)))[0]

    def set_register(self, number, value):
        self.must("P%x=%s" % (number, struct.pack("<Q", value).hex()))

    def read(self, address, length):
        parts = [self.ask("m%x,%x" % (at, min(1024, address + length - at)))
                 for at in range(address, address + length, 1024)]
        return bytes.fromhex("".join(parts))

    def write(self, address, data):
        for at in range(0, len(data), 1024):
            part = data[at:at + 1024]
            self.must("M%x,%x:%s" % (address + at, len(part), part.hex()))

    def leave(self):
        self.must("D")
        self.socket.close()


def entry_of(kernel):
    """Where the kernel is entered; it is linked to run a multiple of 1 GiB above where it lies."""
    with open(kernel, "rb") as file:
        head = file.read(64)
    return struct.unpack_from("<Q" if head[4] == 2 else "<I", head, 24)[0] & 0x3fffffff


def tags_of(info):
    """(type, data) of each."""
    pos = 8
    while pos < len(info):
        kind, size = struct.unpack_from("<II", info, pos)
        if kind == TAG_END:
            return
        yield kind, info[pos + 8:pos + size]
        pos += size + 7 & ~7


def info_of(tags):
    body = b""
    for kind, data in [*tags, (TAG_END, b"")]:
        body += struct.pack("<II", kind, 8 + len(data)) + data + bytes(-len(data) % 8)
    return struct.pack("<II", 8 + len(body), 0) + body


def with_entries(more, efi_more):
    """A change: more entries (start, bytes, kind) and, where there is EFI's map, (kind, start, pages, attributes)."""
    def change(tags):
        for kind, data in tags:
            step = struct.unpack_from("<I", data)[0] if kind in (TAG_MAP, TAG_EFI_MAP) else 0
            if kind == TAG_MAP:
                data += b"".join(struct.pack("<QQII", *entry, 0).ljust(step, b"\0") for entry in more)
            if kind == TAG_EFI_MAP:
                data += b"".join(struct.pack("<IIQQQQ", type_, 0, start, 0, pages, attributes).ljust(step, b"\0")
                                 for type_, start, pages, attributes in efi_more)
            yield kind, data
    return change


class Run(guest.Run):
    """A run whose loader hands over change(tags) in place of the tags."""

    def __init__(self, machine, log_path, change, **limits):
        super().__init__(machine, log_path, **limits)
        self.change, self.problem = change, None

    def command(self, folder, fifo):
        self.stub_path = os.path.join(folder, "gdb")
        return super().command(folder, fifo) + ["-S", "-gdb", "unix:%s,server=on,wait=off" % self.stub_path]

    def watch(self):
        thread = threading.Thread(target=self.hand_over, daemon=True)
        thread.start()
        super().watch()
        thread.join(10)

    def hand_over(self):
        try:
            stub = Stub(self.stub_path)
            stub.run_to(entry_of(guest.build_path(guest.ENVS[self.machine.env]["kernel"], "kernel")))
            place = stub.register(Stub.RBX) & 0xffffffff
            size = struct.unpack("<I", stub.read(place, 4))[0]
            stub.write(ELSEWHERE, info_of(self.change(tags_of(stub.read(place, size)))))
            stub.set_register(Stub.RBX, ELSEWHERE)
            stub.leave()
        except (OSError, ValueError, struct.error) as error:
            self.problem = "the loader's tags could not be changed: %r" % error
