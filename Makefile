# SPDX-License-Identifier: MIT
#
# Kvasir: three kernels from one source (boot/kernel.mk builds one of them) and one image that boots them all.
# Everything is built under build/. `make help` lists what can be asked for.

# (CONFIG=kasan exists for x86_64.)
TARGETS := $(if $(filter kasan,$(CONFIG)),x86_64,x86_64 i386-pae i386)

O       ?= build
CONFIG  ?= debug
ISO     ?= $(O)/kvasir.iso
KERNELS := $(TARGETS:%=$(O)/%/kernel)
ifeq ($(origin CC),default)
CC      := gcc
endif

# The scripts of tests/qemu read these; what is not set has its default there.
export O CC CONFIG ISO QEMU QEMUFLAGS CPUS MEM CMDLINE ACCEL ENV V ROW BY N MOST

# What is asked for is done in order (`make setup run`); the parts of one kernel are compiled side by side.
.NOTPARALLEL:
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif

.PHONY: all help setup $(TARGETS) iso run test check bochs stress fuzz-user mutations mutate numbers bench bench-build \
	bench-growth bench-smp bench-native bench-off bench-profile trace map kva port web web-serve debug usb clean \
	compile_commands.json
.DEFAULT_GOAL := all

all: iso ## build the three kernels and the image, build/kvasir.iso

help: ## show this list
	@echo 'usage: make [target...] [VARIABLE=value...]'
	@awk -F ':.*## ' '/^[a-z_.-]+:.*## / { printf "  %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@sed -n 's/^#> \{0,1\}//p' Makefile

setup: ## install what is missing (Debian, Ubuntu), or say what is needed
	@sh boot/setup.sh

$(TARGETS):
	@$(MAKE) --no-print-directory -f boot/kernel.mk TARGET=$@

iso: $(TARGETS) ## the image: boots as CD and as USB stick, with BIOS and UEFI
	@sh iso/make-iso.sh $(ISO) $(KERNELS)

run: iso ## boot it in QEMU: quick self-test, then a shell on this terminal
	@tests/qemu/run

test: iso ## every test: on this machine, then the matrix of virtual machines
	@$(MAKE) --no-print-directory -f tests/tests.mk T='$(T)'

check: iso ## the first look: checks of the house, host ring of one geometry, one boot a mode (a minute)
	@$(MAKE) --no-print-directory -f tests/tests.mk check

bochs: iso ## tests in Bochs, whose TLB is stricter: make bochs ENV=pae T='museum,tlb' (T=smoke)
	@tests/qemu/run-guest --bochs --cpus $(or $(CPUS),2) --timeout 900 --cmdline 'test=$(or $(T),smoke) $(CMDLINE)'

stress: SECONDS ?= 60
stress: SEED := $(or $(SEED),$(shell date +%s))
stress: iso ## everything at random on all CPUs for SECONDS=60; prints its seed, SEED= repeats one
	@echo "# again: make stress ENV=$(or $(ENV),x64) CPUS=$(or $(CPUS),4) MEM=$(or $(MEM),512M)" \
		"SECONDS=$(SECONDS) SEED=$(SEED) CMDLINE='$(CMDLINE)'"
	@tests/qemu/run-guest --cpus $(or $(CPUS),4) --mem $(or $(MEM),512M) --timeout $$(($(SECONDS) + 300)) \
		--cmdline 'test=stress stress=$(SECONDS) seed=$(SEED) $(CMDLINE)'

fuzz-user: SECONDS ?= 60
fuzz-user: SEED := $(or $(SEED),$(shell date +%s))
fuzz-user: iso ## random programs in ring 3 for SECONDS=60, looked at after each round; prints its seed (SEED=)
	@echo "# again: make fuzz-user ENV=$(or $(ENV),x64) CPUS=$(or $(CPUS),2) MEM=$(or $(MEM),256M)" \
		"SECONDS=$(SECONDS) SEED=$(SEED) CMDLINE='$(CMDLINE)'"
	@tests/qemu/run-guest --cpus $(or $(CPUS),2) --mem $(or $(MEM),256M) --timeout $$(($(SECONDS) + 300)) \
		--cmdline 'test=fuzz_user fuzz_user=$(SECONDS) seed=$(SEED) $(CMDLINE)'

numbers: iso ## what things cost: in instructions on one and on two CPUs, then in time on two (tests/bench)
	@tests/qemu/run-guest --cpus 1 --qemu-args '-icount shift=0,sleep=off' \
		--cmdline 'nokaslr test=numbers $(CMDLINE)'
	@tests/qemu/run-guest --cpus 1 --qemu-args '-icount shift=0,sleep=off' \
		--cmdline 'nokaslr test=numbers.system_call,numbers.context_switch pti=on $(CMDLINE)'
	@tests/qemu/run-guest --cpus 2 --qemu-args '-icount shift=0,sleep=off' \
		--cmdline 'nokaslr test=numbers.ipi_round_trip,numbers.shootdowns $(CMDLINE)'
	@tests/qemu/run-guest --cpus 2 --cmdline 'nokaslr test=numbers $(CMDLINE)'

# The build that is measured, beside the one that is tested, and the plugin that looks into QEMU meanwhile.
RELEASE = CONFIG=release O=$(O)/release ISO=$(O)/release/kvasir.iso
BENCH   = $(RELEASE) tests/bench/run

bench-build:
	@for t in $(TARGETS); do \
		$(MAKE) --no-print-directory -f boot/kernel.mk TARGET=$$t $(RELEASE) || exit; done
	@sh iso/make-iso.sh $(O)/release/kvasir.iso $(TARGETS:%=$(O)/release/%/kernel)
	@$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -fvisibility=hidden -shared -fPIC tests/bench/plugin/count.c \
		-o $(O)/release/count.so

bench: bench-build ## instructions an operation, beside Linux's, in all modes (ENV= one mode, ROW= some rows)
	@$(BENCH) table

bench-growth: bench-build ## what a call costs while the rest grows, beside goals (ENV= ROW= MOST= largest size)
	@$(BENCH) growth

bench-smp: bench-build ## two CPUs at the same work: throughput, and what they share
	@$(BENCH) smp

bench-native: bench-build $(O)/host/native/bench ## cycles of this processor; lines vmalloc_1p uses
	@NATIVE=$(O)/host/native/bench $(BENCH) native

bench-off: bench-build ## instructions of two CPUs, and the longest stretches with interrupts off (ENV= ROW=)
	@$(BENCH) off

bench-profile: bench-build ## where the instructions of ROW=vmalloc_1p go (BY=line: by source line)
	@$(BENCH) profile

mutations: ## break the TLB code on purpose, one way after the other: each must be called by its name (minutes)
	@tests/mutations/run $(M)

mutate: ## small faults at random: which does no test notice? (FILE= N= SEED= SECONDS= MUTATE='--every --boot x64')
	@tests/mutate/mutate --file '$(or $(FILE),*)' --n $(or $(N),100) $(SEED:%=--seed %) \
		$(SECONDS:%=--seconds %) $(MUTATE)

trace: iso ## the tests of T, traced: build/trace.json, to be opened at ui.perfetto.dev
	@T='$(T)' EVENTS='$(EVENTS)' tests/qemu/trace

map: $(if $(LOG),,iso) ## the address space as a picture, build/map.svg: of a machine (ENV= CPUS= MEM=), or of LOG=file
	@command -v node >/dev/null || { echo "make map: there is no node: run 'make setup'"; exit 1; }
	@[ -n '$(LOG)' ] || printf 'ptdump -m\nvmallocinfo -m\n' | \
		CMDLINE='shell $(CMDLINE)' tests/qemu/run > $(O)/map.txt
	@node web/map.mjs $(or $(LOG),$(O)/map.txt) $(O)/map.svg

kva: ## the memory layer for another kernel: one file, its headers and PORTING.md, in build/kva
	@mm/kva/make-kva $(O)/kva

port: ## boot the kernel of tests/port, which has nothing of ours but kva: its tests, and the mistakes of porters
	@tests/qemu/port.t

web: iso ## a page that boots it in a browser, in build/web: static files (web/README.md)
	@command -v node >/dev/null || { echo "make web: there is no node: run 'make setup'"; exit 1; }
	@node web/build.mjs $(O)

web-serve: web ## and serve it on this machine: http://127.0.0.1:8000
	@cd $(O)/web && python3 -m http.server --bind 127.0.0.1 $(or $(PORT),8000)

# The same kernels, with types and variables for gdb beside them.
GDB = G=-g O=$(O)/gdb ISO=$(O)/gdb/kvasir.iso

debug: ## as run, but QEMU waits for gdb and prints the command for it
	@$(MAKE) --no-print-directory iso $(GDB)
	@$(GDB) tests/qemu/run --gdb

usb: iso ## write the image to a USB stick: make usb DEV=/dev/sdX
	@sh iso/write-usb.sh $(ISO) '$(DEV)'

compile_commands.json: ## for editors and clang's tools
	@{ echo '['; for t in $(TARGETS); do $(MAKE) -s -f boot/kernel.mk TARGET=$$t compile_commands; done | \
		sed '$$s/,$$//'; echo ']'; } > $@

clean: ## remove everything that was built
	rm -rf $(O) compile_commands.json

include tests/host/host.mk
include tests/explore/explore.mk

#>
#> variables:
#>   ENV=x64|x64-la57|pae|i386   paging mode of run, test and debug
#>   T='vmalloc.*'               the booted tests to run
#>   EVENTS='ipi_*,tlb_flush'   what `make trace` records (everything)
#>   CMDLINE='words'             more words for the kernel's command line
#>   SEED=N                      seed of everything random in tests, and with CMDLINE=sched=seeded of the scheduler
#>   ROW='vmalloc_*' N=100      rows of the benchmark, operations of each
#>   CPUS=4 MEM=512M             the virtual machine of run and debug
#>   ACCEL=tcg|kvm               how QEMU runs it (tcg)
#>   QEMU=path QEMUFLAGS='...'   another QEMU, more arguments for it
#>   CC=gcc|clang                the compiler
#>   CONFIG=debug|release|ubsan|kasan  build options, see kernel/config
#>   O=build                     where everything is built
#>   V=1                         show the commands
