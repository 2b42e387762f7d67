# SPDX-License-Identifier: MIT
"""Addresses of a kernel as names: functions, data, source lines."""

import bisect
import subprocess


class Symbols:
    def __init__(self, kernel):
        self.kernel, self.addresses, self.names, self.by_name = kernel, [], [], {}
        for line in subprocess.run(["nm", "-n", kernel], capture_output=True, text=True, check=True).stdout.split("\n"):
            words = line.split()
            if len(words) == 3 and words[1] in "tTdDbBrR":
                self.by_name[words[2]] = int(words[0], 16)
                self.addresses.append(int(words[0], 16))
                self.names.append(words[2])
        self.base = self.by_name["__image_start"] - 0x100000  # where physical address 0 would be: image_to_phys()

    def address(self, name):
        return self.by_name[name]

    def name(self, address):
        at = bisect.bisect_right(self.addresses, address) - 1
        return self.names[at] if at >= 0 else hex(address)

    def data(self, phys):
        """The objects in a line of 64 bytes of physical memory, if it is part of the image."""
        first, prefix = self.base + phys, ""
        size = self.by_name["__percpu_end"] - self.by_name["__percpu_start"]
        if 0 <= first - self.by_name["__boot_percpu_start"] < size:
            first += self.by_name["__percpu_start"] - self.by_name["__boot_percpu_start"]
            prefix = "CPU 0's "
        if not self.addresses[0] <= first < self.addresses[-1]:
            return None
        names = [self.name(first)] + [self.names[i]
                                      for i in range(bisect.bisect_right(self.addresses, first), len(self.names))
                                      if self.addresses[i] < first + 64]
        return prefix + "+".join(dict.fromkeys(names))

    def lines(self, addresses):
        """{address: "function file:line"}, of the innermost inlined function."""
        order = list(addresses)
        text = "\n".join("%x" % address for address in order)
        found = subprocess.run(["addr2line", "-fse", self.kernel], input=text, capture_output=True, text=True,
                               check=True)
        words = [line.split(" (disc")[0] for line in found.stdout.split("\n")]
        return {address: "%s %s" % (words[2 * i], words[2 * i + 1]) for i, address in enumerate(order)}
