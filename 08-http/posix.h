/*
 * Selects the interfaces that the system headers declare: POSIX.1-2008, with
 * 64-bit file sizes and times even on 32-bit machines. Include it first.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef POSIX_H
#define POSIX_H

#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64  /* glibc: feature_test_macros(7) */
#define _TIME_BITS 64

#ifdef __APPLE__  /* has other names for the times in struct stat */
#define _DARWIN_C_SOURCE
#define st_ctim st_ctimespec
#define st_mtim st_mtimespec
#endif

#endif
