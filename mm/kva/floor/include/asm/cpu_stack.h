/* SPDX-License-Identifier: MIT */
/* The allocators that use per-CPU stacks of pointers do not come along. */
#pragma once
