/*
 * The log of requests, and reports of failed calls.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef LOG_H
#define LOG_H

#include "address.h"
#include "request.h"

#include <stdbool.h>

/* Opens the log of requests; "-" is standard output. The name must stay valid.
   Returns false, with a message, if the log cannot be opened. */
bool open_log(const char *name);

/* Reopens the log by its name, after the file has been renamed. */
void reopen_log(void);

/*
 * Adds a line to the log, if there is one, in Apache's Combined Log Format. The
 * line stays in memory for a moment, so that many are written in one call.
 * bytes: the length of the response's body.
 */
void log_request(const union address *peer, const struct request *request,
                 int status, long long bytes);

/* Writes the lines once the first is a tenth of a second old. Takes the time in
   milliseconds. Returns when to call again, or LLONG_MAX if nothing is left. */
long long flush_log(long long now);

/* Writes what is left, and closes the log. */
void close_log(void);

/* Reports a failed call on standard error as "CALL: NAME: MEANING (DETAIL)" or,
   if name is NULL, as "CALL: strerror's text (DETAIL)". Writes nothing, and
   returns false, if standard error does not take a line at once. */
bool report_failure(const char *call, const char *name, const char *meaning,
                    const char *detail);

#endif
