/*
 * The directory tree being served: names of files in it, and opening them.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef TREE_H
#define TREE_H

#include "request.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#define SPARE 3        /* descriptors reserved for opening files */
#define MAX_ROOT 4096  /* bytes of the root's name */
#define MAX_NAME (MAX_ROOT + MAX_TARGET + sizeof "/index.html")

/* Sets the root, the directory to serve. The name must stay valid. NULL means
   the directory www beside the executable, whose argv[0] is program. Returns
   false, with a message, if the directory cannot be opened and searched. */
bool serve_directory(const char *name, const char *program);

/* Returns the length of the root's name, with which every name begins. */
size_t root_length(void);

/*
 * Writes the name of the file that a decoded path stands for. If the path ends
 * in a slash, the file is index.html in the directory, and directory is true.
 * Dot segments are removed: RFC 3986, 5.2.4. Returns the length of the name, or
 * 0 if there can be no such file: the path does not begin with a slash, leads
 * above the root, or is hidden by a dot. /.well-known/ is not hidden: RFC 8615
 * makes it public.
 */
size_t write_name(const char *path, char name[MAX_NAME], bool *directory);

/*
 * These open what a name stands for, and return a descriptor, or -1 with errno.
 * open_parent opens the directory of the last component. It walks there one
 * component at a time, so it never follows a symbolic link, not even one that
 * is created meanwhile. open_file opens a regular file there, and fails with
 * EISDIR for a directory. open_list opens the directory itself, to be read.
 */
int open_parent(char *name);
int open_file(int directory, const char *name, struct stat *status);
int open_list(int directory);

/* Opens a file as openat(2) does, but above the clients' limit; a new one gets
   the mode 0666. */
int open_beyond_limit(int directory, const char *name, int flags);

/* Moves a descriptor above the clients' limit, so that it takes no client's
   place while it is open. Returns the new one, or -1; the old one is closed. */
int move_above_clients(int fd);

#endif
