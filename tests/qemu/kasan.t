#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# The build that checks each access to memory, with 4 and 5 levels: it reports wrong ones of each kind of memory by
# their kind, and the chosen tests make none. By hand: make CONFIG=kasan O=build/kasan, and all tests in both modes.
import sys
sys.dont_write_bytecode = True

import checked

TESTS = "kasan.*,museum.m14_*"
MORE = TESTS + ",vmalloc.*,vm_api.*,percpu.*,proc.memory"

sys.exit(checked.main("kasan", "memory accesses", [("x64", MORE, ""), ("x64-la57", TESTS + ",vmalloc.*", "")]))
