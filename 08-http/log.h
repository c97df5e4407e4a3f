/*
 * What is written down: who asked for what, and what went wrong.
 */
#ifndef LOG_H
#define LOG_H

#include "request.h"

#include <stdbool.h>

/* Opens the log of requests; "-" is standard output. The name has to remain
   valid. Returns false, with a message, if it cannot be written. */
bool open_log(const char *name);

/* Opens it again by its name, if another program has taken it away. */
void reopen_log(void);

/*
 * Adds a line to the log, if there is one: the Combined Log Format, which
 * Apache's mod_log_config documents. It waits in memory for others.
 * client: its address and port; bytes: of the body that it is to get.
 */
void log_request(const char *client, const struct request *request, int status,
                 long long bytes);

/* Writes lines that have waited for a tenth of a second. Takes a time, and
   returns the one to be called again, in milliseconds; LLONG_MAX: need not. */
long long flush_log(long long now);

/* Writes all that waits, and closes the log. */
void close_log(void);

/* Tells of a failed call on standard error, as CALL: NAME: MEANING (DETAIL);
   without a name, of errno. Waits for nobody. Returns whether it was told. */
bool tell(const char *call, const char *name, const char *meaning,
          const char *detail);

#endif
