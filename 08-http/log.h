/*
 * The log of requests, and reports of failed calls.
 */
#ifndef LOG_H
#define LOG_H

#include "address.h"
#include "request.h"

#include <stdbool.h>

/* Opens the log of requests; "-" is standard output. The name has to remain
   valid. Returns false, with a message, if it cannot be written. */
bool open_log(const char *name);

/* Opens the log again by its name, after another program has renamed it. */
void reopen_log(void);

/*
 * Adds a line to the log, if there is one, in Apache's Combined Log Format. It
 * waits in memory for others.
 * peer: the client; bytes: of the body of the response.
 */
void log_request(const union address *peer, const struct request *request,
                 int status, long long bytes);

/* Writes lines that have waited for a tenth of a second. Takes the time, and
   returns when to call it again, in milliseconds; LLONG_MAX: no need to. */
long long flush_log(long long now);

/* Writes all that waits, and closes the log. */
void close_log(void);

/* Reports a failed call on standard error, as CALL: NAME: MEANING (DETAIL), or
   without a name as CALL: strerror's text (DETAIL). Does not wait for a reader
   of standard error. Returns whether the line was written. */
bool report_failure(const char *call, const char *name, const char *meaning,
          const char *detail);

#endif
