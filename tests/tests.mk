# SPDX-License-Identifier: MIT
#
# `make test`: tests/qemu/suite runs every tests/qemu/*.t, with JOBS jobs side by side, and prove judges what they
# wrote. ENV= and T= choose booted tests; then the others step aside. `make check`: some of the scripts, which then do
# less.

# One job more than processors: a guest sleeps for a third of its time.
JOBS  ?= $(shell expr $$(nproc) + 1)
FIRST := house-checks mutations host matrix-x64 matrix-x64-la57 matrix-pae matrix-i386

export T SEED JOBS

.PHONY: test check
test:
	@tests/qemu/suite $(wildcard tests/qemu/*.t)

check:
	@CHECK=1 ENV= T= tests/qemu/suite $(FIRST:%=tests/qemu/%.t)
