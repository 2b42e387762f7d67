#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# What the image is made of: three platforms of GRUB, the kernels, and nothing of the machine that made it. The same
# kernels give the same bytes, whoever makes it, when and where, and whatever other platforms GRUB has there.
import sys
sys.dont_write_bytecode = True

import os
import shutil
import tempfile

import guest
import make
import tap

GRUB = "/usr/lib/grub"
PLATFORMS = ("i386-pc", "i386-efi", "x86_64-efi")
KERNELS = [guest.build_path(target, "kernel") for target in make.TARGETS]
SOMEBODY = {"user": 65534, "group": 65534, "extra_groups": []}  # nobody, where we may choose


def grub_with(folder, platforms, others=()):
    """A folder in place of /usr/lib/grub, with these platforms, and with others that are copies of one of them."""
    os.makedirs(folder)
    for name in platforms:
        os.symlink(os.path.join(GRUB, name), os.path.join(folder, name))
    for name in others:
        os.symlink(os.path.join(GRUB, "x86_64-efi"), os.path.join(folder, name))
    return folder


def same_bytes(path):
    with open(path, "rb") as made, open(guest.Machine().iso, "rb") as tested:
        return made.read() == tested.read()


def is_same(out, name, image, kernels, **how):
    run = make.make_iso(image, kernels, **how)
    out.ok(run.returncode == 0 and os.path.exists(image) and same_bytes(image),
           "the image is the same, byte for byte: " + name,
           [run.stdout, "compare: cmp -l build/kvasir.iso %s" % image])


def elsewhere(out, folder):
    """Another user, who lets nobody else read, in another folder, time zone and language."""
    kernels = []
    for kernel in KERNELS:
        there = os.path.join(folder, "kernels", os.path.basename(os.path.dirname(kernel)))
        os.makedirs(there)
        kernels.append(shutil.copy(kernel, there))
        os.chmod(kernels[-1], 0o755)
    scripts = shutil.copytree(os.path.join(guest.ROOT, "iso"), os.path.join(folder, "iso"))
    os.chmod(folder, 0o777)
    variables = {"TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "LANGUAGE": "de", "TMPDIR": folder, "HOME": folder}
    is_same(out, "another user, umask, folder, time zone and locale", os.path.join(folder, "elsewhere.iso"), kernels,
            variables=variables, folder=scripts, cwd=folder, umask=0o077, **(SOMEBODY if os.geteuid() == 0 else {}))


def main():
    tap.only_without_choice()
    out = tap.Tap()
    with tempfile.TemporaryDirectory() as folder:
        elsewhere(out, folder)
        more = grub_with(os.path.join(folder, "more"), PLATFORMS, ("arm64-efi", "i386-coreboot", "x86_64-xen"))
        is_same(out, "other platforms of GRUB are installed", os.path.join(folder, "more.iso"), KERNELS,
                variables={"GRUB": more})
        for missing in PLATFORMS:
            grub = grub_with(os.path.join(folder, "no-" + missing), [name for name in PLATFORMS if name != missing])
            image = os.path.join(folder, "none.iso")
            run = make.make_iso(image, KERNELS, variables={"GRUB": grub})
            said = "GRUB for %s is missing" % missing in run.stdout
            out.ok(run.returncode and said and not os.path.exists(image), "no image without GRUB for " + missing,
                   [run.stdout])
    return out.end()


sys.exit(main())
