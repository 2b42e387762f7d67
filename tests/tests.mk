# SPDX-License-Identifier: MIT
#
# `make test`: prove runs every tests/qemu/*.t, two at a time. ENV= and T= choose booted tests; then the others step aside.
# The matrix goes first, because it takes longest.

JOBS  ?= 2
PROOF := $(wildcard tests/qemu/matrix-*.t) $(filter-out $(wildcard tests/qemu/matrix-*.t),$(wildcard tests/qemu/*.t))

export T SEED

.PHONY: test
test:
	@prove -j$(JOBS) --timer $(if $(V),-v) $(PROOF)
