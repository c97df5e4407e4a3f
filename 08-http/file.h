/*
 * The file behind a path.
 */
#ifndef FILE_H
#define FILE_H

#include "cache.h"

#include <stdbool.h>

/* Chooses the directory that is served, by a name that has to remain valid;
   NULL: www beside the program. Returns false, with a message, if it cannot be
   read. */
bool serve_directory(const char *name, const char *program);

/*
 * Finds what is to be sent for a decoded path: a file, index.html for a
 * directory, or else a list of what is there. It never lies outside of the
 * directory that is served nor behind a symbolic link, it is never hidden by
 * a dot, and it is as it is now, no matter when it was last asked for.
 *
 * Returns the status of the answer: 200 with the file, which has to be
 * released; 301 if a slash is missing at the end; 403, 404, 500 or 503.
 */
int find_file(const char *path, struct file **file);

#endif
