/*
 * The file behind a path.
 */
#ifndef FILE_H
#define FILE_H

#include "cache.h"
#include "list.h"

/*
 * Finds what to send for a decoded path: a file, index.html for a directory, or
 * else a list of the directory. It never lies outside the directory that is
 * served nor behind a symbolic link, and it is as it is now, no matter when it
 * was last asked for.
 *
 * Returns the status of the response: 200 with the file, to be released; 301
 * if a slash is missing at the end; 403, 404, 500 or 503; or 0 with a list that
 * continue_list has to finish.
 */
int find_file(const char *path, struct file **file, struct list **list);

#endif
