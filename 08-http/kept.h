/*
 * The files that stay in memory: small ones for whoever asks next, large ones
 * as long as somebody is sending them.
 */
#ifndef KEPT_H
#define KEPT_H

#include "file.h"

/*
 * Begins a turn, in which it is enough to look once whether a kept file is
 * current. To requests that had begun to come before the turn did that is no
 * less than to look for each of them: when the look was taken, all of them were
 * waiting for an answer. For any other request a turn has to be begun.
 */
void begin_turn(void);

/* Returns the file that is kept under a name, for one more to use, if it is
   current. Else returns NULL. */
struct file *look_up(const char *name);

/* Keeps a file, unless it has changed just now: one more change at the same
   reading of the clock could not be seen. */
void keep(struct file *file);

/* Ends the use of a file. */
void release_file(struct file *file);

/* Frees a file, unless it is kept or in use. */
void discard(struct file *file);

/* Forgets all files. */
void forget_files(void);

#endif
