# SPDX-License-Identifier: MIT
"""The copy of the tree that has the mutants, its programs, and what they say."""

import filecmp
import os
import re
import subprocess
import time

import clones
import guest
import make
import programs
import source

ERROR = re.compile(r"^(?:\./)?([\w/.-]+\.[ch]):(\d+):\d+: (?:fatal )?error:", re.M)
# Sets of objects, and the folders of their programs, in this order: the first finds most.
STAGES = (("4level", "4level"), ("4level", "5level"), ("pae", "pae"), ("2level", "2level"), ("race", "race"),
          ("4level", "fuzz"), ("pae", "fuzz-pae"))
# Words of `make mutate` that the makes below must not hear.
OURS = ("O", "N", "FILE", "SEED", "CC")
# Names of functions in a report take longer than the test, and nobody reads it.
QUICK = {"ASAN_OPTIONS": programs.ENVIRONMENT["ASAN_OPTIONS"] + ":symbolize=0", "UBSAN_OPTIONS": "symbolize=0",
         "TSAN_OPTIONS": programs.ENVIRONMENT["TSAN_OPTIONS"] + ":symbolize=0"}
QUIET = "HOST_CC=clang -w -ferror-limit=0"  # a mutant may leave a variable unused


class Program:
    """A program of the host ring: which functions it runs, and how long it takes."""

    def __init__(self, path, tree):
        self.path, self.tree, self.name = path, tree, programs.name_of(path)
        self.seen, self.seconds = frozenset(), 0.0

    def run(self, mutant, patience, **more):
        """Its exit code, or None if it was stopped."""
        environment = {**os.environ, **programs.ENVIRONMENT, **QUICK, "MUTANT": str(mutant), **more}
        words = ["-max_total_time=2", "-max_len=4096"] if programs.is_fuzzer(self.path) else []
        try:
            return subprocess.run([self.path, *words], cwd=self.tree, env=environment, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=patience).returncode
        except subprocess.TimeoutExpired:
            return None

    def learn(self, nr_functions):
        """Run it without a mutant. Does it pass?"""
        note = os.path.join(self.tree, "seen-" + self.name.replace("/", "-"))
        begin = time.monotonic()
        code = self.run(0, 600, MUTANT_SEEN=note)
        self.seconds = time.monotonic() - begin
        if code == 0 and os.path.exists(note):
            with open(note, "rb") as file:
                self.seen = frozenset(at for at, byte in enumerate(file.read(nr_functions)) if byte)
        return code == 0

    def kills(self, mutant):
        return self.run(mutant.number, 10 + 6 * self.seconds) != 0


def compiled():
    """The files that the host ring compiles."""
    out = guest.build_path("mutate")
    subprocess.run(["make", "-s", "-f", "tests/host/host.mk", "O=" + out, out + "/host/sources"], cwd=guest.ROOT,
                   env=make.environment(*OURS), check=True)
    with open(os.path.join(out, "host", "sources")) as file:
        return set(file.read().split())


def _same(path, original):
    """Do both have the same bytes?"""
    return os.path.isfile(original) and filecmp.cmp(path, original, shallow=False)


class Workshop:
    def __init__(self, folder):
        self.tree = os.path.join(folder, "tree")
        self.files, self.clones, self.nr_functions = {}, {}, 0

    def copy(self):
        """The tree as it is. Of an earlier copy the objects stay, so what is the same is not compiled again. A file
        that comes back is new, or objects of its mutants would be taken for its own."""
        os.makedirs(self.tree, exist_ok=True)
        removed = []
        for folder, inside, files in os.walk(self.tree):
            inside[:] = [name for name in inside if os.path.join(folder, name) != os.path.join(self.tree, "build")]
            for name in files:
                path = os.path.join(folder, name)
                if not _same(path, os.path.join(guest.ROOT, os.path.relpath(path, self.tree))):
                    os.remove(path)
                    removed.append(path)
        make.copy_sources(self.tree, "-u")
        for path in filter(os.path.exists, removed):
            os.utime(path)

    def write(self, drawn):
        """Write the mutants that were drawn into the copy: {file: [mutants]}. Files whose mutants are the same stay."""
        self.nr_functions = 0
        for file, mutants in sorted(drawn.items()):
            by_function = {}
            for mutant in mutants:
                by_function.setdefault(mutant.function, []).append(mutant)
            chosen = []
            for function in sorted(by_function, key=lambda one: one.begin):
                function.number = self.nr_functions
                chosen.append((function, self.nr_functions, by_function[function]))
                self.nr_functions += 1
            text, self.clones[file] = clones.with_clones(chosen[0][0].text, chosen)
            self._put(file, text)
        numbers = {"functions": max(self.nr_functions, 1)}
        self._put("tests/host/port/mutant.c", clones.PROGRAM % numbers)
        self._put("kernel/core/mutant.c", clones.KERNEL % numbers)

    def _put(self, file, text):
        if self.files.get(file) != text:
            with open(os.path.join(self.tree, file), "w") as out:
                out.write(text)
        self.files[file] = text

    def names(self, which, folder):
        run = self._make("host-sets")
        found = {words[0]: words[1:] for words in map(str.split, run.stdout.splitlines()) if words}
        return [path for path in found.get(which, []) if path.split("/")[-2] == folder]

    def build(self, which, folder):
        """(programs of a stage, words of the compiler). When a mutant does not compile there are no programs."""
        paths = self.names(which, folder)
        run = self._make("-k", "-j2", "TOGETHER=1", QUIET, *paths)
        return ([Program(path, self.tree) for path in paths] if run.returncode == 0 else []), run.stdout

    def _make(self, *words):
        return subprocess.run(["make", "-s", "--no-print-directory", "-f", "tests/host/host.mk", *words],
                              cwd=self.tree, env=make.environment(*OURS), text=True, errors="replace",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def image(self, env):
        """An image with the kernel of this mode; its command line chooses the mutant. (path or None, last lines)."""
        with open(os.path.join(guest.ROOT, clones.COMMAND_LINE)) as original:
            self._put(clones.COMMAND_LINE, clones.with_word(original.read()))
        return make.make_image(self.tree, os.path.join(self.tree, "build"), env, "CC=gcc -w")

    def blamed(self, words):
        """The mutants in whose lines the compiler found an error."""
        found = set()
        for file, line in ERROR.findall(words):
            for clone in self.clones.get(file, ()):
                if clone.first <= int(line) <= clone.last:
                    found.add(clone.mutant)
        return found


def read_functions(file):
    with open(os.path.join(guest.ROOT, file)) as text:
        return list(source.functions(file, text.read()))
