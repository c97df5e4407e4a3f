/*
 * A page that lists a directory. A directory may have any number of entries, so
 * the page is made a portion at a time, and all other clients are served in
 * between.
 */
#ifndef LIST_H
#define LIST_H

#include "cache.h"

struct list;

/* Begins a list of a directory, and takes over its descriptor. path: as the
   page calls it. Returns NULL, with errno, if there is no memory for it. */
struct list *begin_list(int directory, const char *path);

/*
 * Goes on with a list. Returns 0 as long as there is more to do. At the end it
 * frees the list and returns 200 with the page, to be released; or a status of
 * 500 or above.
 */
int continue_list(struct list **list, struct file **page);

/* Frees a list that is not needed any more. */
void free_list(struct list *list);

#endif
