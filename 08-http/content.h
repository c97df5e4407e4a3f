/*
 * The content of a file: read into memory, or a part at a time.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef CONTENT_H
#define CONTENT_H

#include "cache.h"

#include <sys/uio.h>

#define SMALL 16384  /* bytes: Linux sends larger cached files without a copy */

/* Reads all of a file into memory, and closes it. If the file has shrunk
   meanwhile, its size is corrected. On failure returns false and sets errno. */
bool read_content(struct file *file);

/*
 * Moves the content to an unnamed file in memory, which the kernel can send
 * without copying. The kernel could also send the file itself, but if a program
 * changed it meanwhile, the response would be a mix of two versions. If the
 * move fails, the content stays where it is.
 */
void move_content(struct file *file);

/* Returns a part of the content, from memory, or after reading it into the
   buffer. The part is shorter if the file has shrunk, and empty if reading
   fails. */
struct iovec read_part(const struct file *file, long long start, void *buffer,
                       size_t size);

#endif
