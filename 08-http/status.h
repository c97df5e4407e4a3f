/*
 * The status of the response when a file system call has failed.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef STATUS_H
#define STATUS_H

/* Returns the status that errno stands for: 403, 404, 500 or 503. A failure
   that is not the client's fault (500 and above) is also reported on standard
   error, but only once until clear_failure is called. */
int status_of_error(const char *call, const char *name);

/* Notes that a call has succeeded: the next failure will be reported again. */
void clear_failure(void);

#endif
