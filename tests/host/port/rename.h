/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own memory and string functions under other names, so that they can be tested beside the C library's.
 * Only kernel/lib/string.c and its test see this. Everybody else gets the C library's, which the sanitizers watch.
 */
#pragma once

#define memcpy	kvasir_memcpy
#define memmove kvasir_memmove
#define memset	kvasir_memset
#define memcmp	kvasir_memcmp
#define memchr	kvasir_memchr
#define strlen	kvasir_strlen
#define strnlen kvasir_strnlen
#define strcmp	kvasir_strcmp
#define strncmp kvasir_strncmp
#define strchr	kvasir_strchr
#define strrchr kvasir_strrchr
#define strstr	kvasir_strstr
