#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# The page of `make web` in headless Chromium: boots, runs a command, draws what the kernel prints, meets a bug.
import sys
sys.dont_write_bytecode = True

import functools
import http.server
import os
import shutil
import subprocess
import threading

import guest
import slots
import tap
import v86

MODULES = os.path.join(guest.ROOT, "web", "node_modules")
SECONDS = 900


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *words):
        """Somebody who leaves the page while it loads is no error."""


def browser():
    return shutil.which("chromium") or shutil.which("chromium-browser")


def lacks():
    if not browser():
        return "no Chromium: run 'make setup' (Debian: apt install chromium)"
    if not os.path.exists(os.path.join(MODULES, "playwright-core")):
        return "no playwright-core: run 'make setup' (npm ci in web/)"
    return v86.lacks()


def build():
    with slots.Job("build", "web", 60):
        command = ["node", os.path.join(guest.ROOT, "web", "build.mjs"), guest.build_path()]
        return subprocess.run(command, text=True, cwd=guest.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def browse():
    """Somebody looks at the page; TAP goes to our standard output."""
    handler = functools.partial(Quiet, directory=guest.build_path("web"))
    with Server(("127.0.0.1", 0), handler) as server, \
            slots.Job("machine", "web: the page in Chromium", 40):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        script = os.path.join(guest.ROOT, "tests", "qemu", "web.mjs")
        command = ["node", script, os.path.join(MODULES, "playwright-core"), browser(), guest.build_path("web"),
                   "http://127.0.0.1:%d/" % server.server_port]
        try:
            code = subprocess.run(command + [os.environ.get("PICTURES", "")], timeout=SECONDS).returncode
        finally:
            server.shutdown()
    return code


def main():
    tap.only_without_choice()
    if lacks():
        tap.skip_all(lacks())
    made = build()
    if made.returncode:
        out = tap.Tap()
        out.ok(False, "web: make web", made.stdout.split("\n")[-30:])
        return out.end()
    return browse()


sys.exit(main())
