/*
 * A page that lists a directory. A directory may have any number of entries, so
 * the page is made a portion at a time, and other clients are served between
 * two portions.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef LIST_H
#define LIST_H

#include "cache.h"

struct list;

/* Begins a listing of a directory, and takes over its descriptor. path: the
   name to show. On failure returns NULL and sets errno. */
struct list *begin_list(int directory, const char *path);

/*
 * Makes the next portion. Returns 0 while there is more to do. At the end it
 * frees the list, sets the pointer to NULL, and returns 200 with the page, to
 * be released, or 500 or 503.
 */
int continue_list(struct list **list, struct file **page);

/* Frees a list that will not be finished. */
void free_list(struct list *list);

#endif
