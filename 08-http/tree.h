/*
 * The directory that is served: the names in it, and the way to a file.
 */
#ifndef TREE_H
#define TREE_H

#include "request.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#define SPARE 3        /* descriptors for files that no client can take */
#define MAX_ROOT 4096  /* bytes of the name of the directory served */
#define MAX_NAME (MAX_ROOT + MAX_TARGET + sizeof "/index.html")

/* Chooses the directory to serve, by a name that has to remain valid; NULL: www
   beside the program, whose argv[0] is given. Returns false, with a message, if
   nothing in it can be reached. */
bool serve_directory(const char *name, const char *program);

/* Returns how many bytes at the start of every name are the root's own. */
size_t root_length(void);

/*
 * Writes the name of the file that a decoded path asks for. For a directory,
 * whose path ends in a slash, that is index.html, and directory is true. Dot
 * segments are removed: RFC 3986, 5.2.4. Returns false if no file can have the
 * name: it does not begin with a slash, lies above the root, or is hidden by a
 * dot. /.well-known/ is not hidden: RFC 8615 gives it a public meaning.
 */
bool write_name(const char *path, char name[MAX_NAME], bool *directory);

/*
 * Open what a name stands for, and return a descriptor, or -1 with errno.
 * open_parent walks to the directory of the last component, one component at a
 * time, so that a symbolic link that is put into the way meanwhile is not
 * followed. open_file opens a regular file there; a directory is EISDIR.
 * open_list opens the directory itself, to be read.
 */
int open_parent(char *name);
int open_file(int directory, const char *name, struct stat *status);
int open_list(int directory);

#endif
