/* SPDX-License-Identifier: MIT */
/* Other kernels do not make kva's data read-only. */
#pragma once

#define REPLACE_HANDLER(statement) statement
