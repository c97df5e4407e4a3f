/*
 * A page that lists a directory.
 */
#ifndef LIST_H
#define LIST_H

/* Writes a page that lists a directory into a file that vanishes when it is
   closed. Closes the directory. Returns the descriptor, or -1. */
int list_directory(int directory, const char *path);

#endif
