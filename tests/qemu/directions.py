# SPDX-License-Identifier: MIT
"""The directions of the house: what include-rules says, for the checks of includes (house-checks.t) and of links
(links.t)."""

import functools
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))


def read_rules(path):
    """The table as {keyword: [words of a line, ...]}."""
    rules = {}
    with open(path) as file:
        for line in file:
            words = line.split("#")[0].split()
            if words:
                rules.setdefault(words[0], []).append(words[1:])
    return rules


@functools.cache
def compiled(pattern):
    return re.compile(re.escape(pattern).replace(r"\*", "[^/]*"))


def matches(path, pattern):
    return compiled(pattern).fullmatch(path) is not None


class Rules:
    def __init__(self):
        self.rules = read_rules(os.path.join(HERE, "include-rules"))
        self.may = {line[0]: {line[0], *line[2:]} for line in self.rules["may"]}

    def layer(self, path):
        for name, *patterns in self.rules["layer"]:
            if any(matches(path, pattern) for pattern in patterns):
                return name
        return None
