# SPDX-License-Identifier: MIT
#
# `make test`: prove runs every tests/qemu/*.t, two at a time. ENV= and T= choose booted tests; then the others step aside.
# What takes longest goes first.

JOBS  ?= 2
LONG  := tests/qemu/host.t $(wildcard tests/qemu/matrix-*.t)
PROOF := $(LONG) $(filter-out $(LONG),$(wildcard tests/qemu/*.t))

export T SEED

.PHONY: test
test:
	@prove -j$(JOBS) --timer $(if $(V),-v) $(PROOF)
