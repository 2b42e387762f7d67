#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# The build that checks itself for undefined behaviour, one of the three targets: it reports each kind by its name, and
# the chosen tests do nothing undefined. By hand: make CONFIG=ubsan O=build/ubsan, and all tests in each mode.
import sys
sys.dont_write_bytecode = True

import checked

TESTS = "ubsan.*,vmalloc.*,vm_api.*,vm_huge.*,set_memory.*,percpu.*,proc.memory,text.*"

sys.exit(checked.main("ubsan", "undefined behaviour", [("x64", TESTS, "")]))
