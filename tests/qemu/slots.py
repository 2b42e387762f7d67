# SPDX-License-Identifier: MIT
"""Who may use a processor: the jobs of all scripts of a `make test` wait in one queue.

A job is a guest, a program or a build. tests/qemu/suite gives as many slots as the host has processors, the longest job
first. A script that is run by hand has a queue of its own.

    job = Job("machine", "x64 4cpu", 35)    # announced: it counts as still to come
    with job:                               # waits for a slot, gives it back
        work()
"""

import json
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

ADDRESS = "KVASIR_SLOTS"  # in the environment of a script: the suite's socket
OWN = threading.Semaphore(int(os.environ.get("JOBS") or os.cpu_count() or 1))


class Job:
    """kind: machine, program or build; seconds: about how long, if nobody measured it yet."""

    def __init__(self, kind, name, seconds):
        self.suite = None
        if os.environ.get(ADDRESS):
            self.suite = socket.socket(socket.AF_UNIX)
            self.suite.connect(os.environ[ADDRESS])
            self.suite.sendall(json.dumps({"kind": kind, "name": name, "seconds": seconds}).encode() + b"\n")

    def __enter__(self):
        if self.suite:
            self.suite.sendall(b"ready\n")
            self.suite.recv(16)
        else:
            OWN.acquire()
        return self

    def __exit__(self, *error):
        if self.suite:
            self.suite.close()
        else:
            OWN.release()


def each(function, items):
    """function(item) of every item, side by side as far as slots allow; results in the order of the items."""
    items = list(items)
    with ThreadPoolExecutor(max(len(items), 1)) as pool:
        yield from pool.map(function, items)
