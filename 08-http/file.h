/*
 * The file behind a path.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef FILE_H
#define FILE_H

#include "cache.h"
#include "list.h"

/*
 * Finds what to send for a decoded path: a file; for a directory, its
 * index.html, or a listing if it has none. The file is never outside the
 * directory being served and never behind a symbolic link, and its content is
 * current even if it comes from the cache.
 *
 * Returns the status of the response: 200 with the file, to be released; 301
 * if the path lacks a slash at the end; 403, 404, 500 or 503; or 0 with a list,
 * which continue_list makes.
 */
int find_file(const char *path, struct file **file, struct list **list);

#endif
