#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# The guests of mode pae in the file `matrix`.
import sys
sys.dont_write_bytecode = True
import matrix

sys.exit(matrix.main("pae"))
