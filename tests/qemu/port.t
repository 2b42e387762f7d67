#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# kva in a kernel that has nothing else of ours (tests/port, `make port`): its tests pass in each build of kva; each
# mistake that a porter makes is answered by the sentence that tests/port/README.md promises.
import sys
sys.dont_write_bytecode = True

import os
import re
import subprocess
import threading

import guest
import make
import slots
import tap

GOOD, BAD, PANIC = 1, 3, 5  # QEMU's status, by the kernel's power_off()
SECONDS = 300  # a kernel that hangs; a busy host needs some of them
PAE = ("qemu-system-i386", "max")
MACHINES = {"pae": PAE, "pae-test": PAE, "": ("qemu-system-x86_64", "qemu64,+pdpe1gb")}

KERNELS = (("x64", 2), ("x64-release", 2), ("x64-up", 1), ("pae", 2))
TESTS = ("x64-test", "pae-test")  # with kva's own tests

# What the command line of the kernel with mistakes says, and what must be said then.
MISTAKES = (
    ("direct_start", r"the top table is read at (\w+): a fault there means that direct_start is wrong\n# page fault"),
    ("arena_in_use", "the arena is in use: something is mapped at"),
    ("ram_too_little", r"host_pages_alloc\(0\) gave \w+, which is no RAM in kva_config.ram"),
    ("cpus_1", "CPU 1 comes online, but there are 1 at most"),
    ("nx_off", "EFER.NXE is off: everything that kva maps is executable"),
    ("second_nx_off", "CPU 1 has not EFER.NXE as the boot CPU has"),
    ("second_pat", "CPU 1 has not the same IA32_PAT as the boot CPU has"),
    ("pages_null", r"host_pages_alloc\(0\) gave 0: say KVA_NO_PAGES if there is none"),
    ("pages_virtual", r"host_pages_alloc\(0\) gave ffff8\w+: not aligned, or not in the direct map"),
    ("pages_order", r"host_pages_alloc\(9\) gave \w+: not aligned, or not in the direct map"),
    ("pages_twice", r"host_pages_alloc\(0\) gave \w+, which kva has already"),
    ("pages_kept", "not ok .* all pages and objects came back"),
    ("objects_null", "no memory for the first range"),
    ("objects_small", r"host_object_alloc\(\d+\) gave nothing"),
    ("objects_unaligned", r"host_object_alloc\(\d+\) gave \w+: not aligned to 16 bytes"),
    ("objects_kept", "not ok .* all pages and objects came back"),
    ("thread_null", r"host_thread\(\) gives NULL"),
    ("thread_dirty", r"the words of host_thread\(\) are not zero for a new thread"),
    ("thread_one", r"host_thread\(\) gives CPU 1 the words of the boot CPU's thread"),
    ("thread_cpu", "panic: "),
    ("interrupt_always", r"kva_init\(\) is called in a handler, says host_in_interrupt\(\)"),
    ("yield_nothing cooperative", r"calls of host_yield\(\): does it let other threads run"),
    ("cpu_0", r"CPU 0 is online already: does host_cpu\(\) give each CPU a number of its own"),
    ("cpu_from_1", r"kva_init\(\) is called on CPU 1: the boot CPU is number 0"),
    ("cpu_large", "CPU 77 comes online, but there are 4 at most"),
    ("ipi_nothing", "CPU 1 does not answer"),
    ("unannounced", r"panic: kva: CPU 1 has not called kva_cpu_online\(\)"),
    ("reader", r"2 CPUs run \(host_nr_cpus\), but 1 have called kva_cpu_online\(\)"),
    ("rude", "panic: |not ok |TLB oracle: "),
)

# The same for the configurations, which one boot tries in order.
CONFIGURATIONS = (
    ("kernel_start left out", "kernel_start 0 is not in the upper half"),
    ("kernel_start above the image", r"kernel_start \w+ does not begin an entry of the shared level"),
    ("kernel_start of the image", r"kernel_start \w+ does not begin an entry of the shared level"),
    ("kernel_start above the direct map", r"the direct map at \w+ begins below kernel_start"),
    ("private_end left out", r"private addresses \w+-0 are not whole entries"),
    ("private_start left out", r"the arena \S+ has private addresses in it"),
    ("direct_start left out", "the direct map at 0 begins below kernel_start"),
    ("direct_size left out", r"the direct map, 0 bytes at \w+, is empty or does not fit"),
    ("direct_size in pages", r"RAM ends at \w+, but the direct map has 40000 bytes"),
    ("direct_size too large", r"the direct map, \w+ bytes at \w+, is empty or does not fit"),
    ("direct_size over the arena", r"the arena \S+ overlaps the direct map"),
    ("arena_start left out", "the arena at 0 begins below kernel_start"),
    ("arena_start in the direct map", r"the arena \S+ overlaps the direct map"),
    ("arena_start below kernel_start", r"the arena at \w+ begins below kernel_start"),
    ("arena_start of no whole entry", r"the arena \S+ is not made of whole entries of the shared level"),
    ("arena_end left out", r"the arena \S+-0 is not made of whole entries of the shared level"),
    ("ram left out", r"there is no RAM in the configuration \(ram, nr_ram\)"),
    ("nr_ram left out", r"there is no RAM in the configuration \(ram, nr_ram\)"),
    ("ram not sorted", r"RAM \S+ is empty, or not behind the range before it"),
    ("ram beyond the CPU", r"RAM \S+ ends above \w+, the highest address of this CPU and mode"),
    ("ram beyond the direct map", r"RAM ends at \w+, but the direct map has \w+ bytes"),
    ("cpus too many", "5 CPUs, but there is room for 4"),
    ("root of an empty table", r"CR3 is \w+, root is \w+, and they do not share all tables of the arena"),
    ("root that is no table", r"the top table at \w+ is not in the direct map"),
    ("root as an address", r"the top table at \w+ is not in the direct map"),
    ("root that is not in CR3", r"CR3 is \w+, root is \w+, and they do not share all tables of the arena"),
)


def build(what):
    return make.make("port: " + what, 6, "-f", "tests/port/port.mk", what)


def boot(kernel, cpus, words="", until=None, turns=False):
    """QEMU's status, None if it was stopped, and what the kernel wrote. until: stop as soon as it has said that."""
    program, cpu = MACHINES.get(kernel, MACHINES[""])
    command = [guest.qemu(program), "-accel", "tcg,thread=" + ("single" if turns else "multi"), "-cpu", cpu,
               "-smp", str(cpus), "-m", "128", "-display", "none", "-monitor", "none", "-nic", "none", "-no-reboot",
               "-serial", "stdio", "-device", "isa-debug-exit,iobase=0xf4",
               "-kernel", guest.build_path("port", kernel, "kernel"), "-append", words]
    text = ""
    with slots.Job("machine", "port %s %s" % (kernel, words), 3):
        run = subprocess.Popen(command, text=True, errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
        alarm = threading.Timer(SECONDS, run.kill)
        alarm.start()
        for line in run.stdout:
            text += line
            if until and re.search(until, text):
                run.kill()
        alarm.cancel()
        status = run.wait()
    return (status if status >= 0 else None), text


def passes(choice):
    kernel, cpus = choice
    status, text = boot(kernel, cpus)
    results = re.findall(r"^(not )?ok ", text, re.M)
    return status == GOOD and "" in results and "not " not in results, "%s, %d CPUs" % choice, text.split("\n")[-30:]


def mistake(choice):
    words, sentence = choice
    _, text = boot("x64-mistakes", 2, words, until=sentence, turns=words not in ("rude", "ipi_nothing"))
    return re.search(sentence, text), "mistake: " + words, text.split("\n")[-30:]


def configurations(out):
    status, text = boot("x64-mistakes", 2, "configurations", turns=True)
    for name, sentence in CONFIGURATIONS:
        said = re.search(r"# mistake: %s\n(# kva: the top table is read .*\n)?# kva: (.*)" % re.escape(name), text)
        out.ok(said and re.match(sentence, said[2]), "mistake: " + name, [said[0] if said else "nothing is said"])
    out.ok(status == GOOD, "after all of them the right configuration is accepted", text.split("\n")[-30:])


def main():
    tap.only_without_choice()
    out = tap.Tap()
    builds = [build("kva"), *slots.each(build, ("x64-mistakes", "x64-release", "x64-up", "pae"))]
    builds += slots.each(build, TESTS)
    for code, lines in builds:
        if code:
            out.ok(False, "kva and the kernels are built", lines)
            return out.end()
    for result in slots.each(passes, KERNELS):
        out.ok(*result)
    for kernel, (status, text) in zip(TESTS, slots.each(lambda kernel: boot(kernel, 2, "quick"), TESTS)):
        out.ok(status == GOOD and "\n# ok 1 " in text, "kva's own tests: " + kernel, re.findall(r"# not ok.*", text))
    configurations(out)
    for result in slots.each(mistake, MISTAKES):
        out.ok(*result)
    return out.end()


sys.exit(main())
