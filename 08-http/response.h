/*
 * The head of a response, and which part of a file follows it.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef RESPONSE_H
#define RESPONSE_H

#include "cache.h"
#include "request.h"

#include <stdbool.h>

struct response {
    int status;
    struct file *file;        /* NULL: the body, if any, is an error page */
    long long start, length;  /* of the part of the file that was requested */
    bool part_follows;        /* whether the body is that part */
    long long body;           /* bytes that follow the head */
    bool persistent;          /* the connection stays open */
};

/* The most bytes that write_response writes: three times MAX_TARGET if all of a
   target must be escaped, and less than MAX_TARGET for the rest. */
#define MOST_RESPONSE (4 * MAX_TARGET)

/*
 * Evaluates the request's preconditions and range for the file of the response:
 * RFC 9110, 13 and 14. Sets the status to 200, 206, 304, 412 or 416, and the
 * part of the file to send.
 */
void apply_conditions(struct response *response, const struct request *request);

/* Writes the head, and the error page if there is no file. Returns the end. */
char *write_response(char *to, struct response *response,
                     const struct request *request);

#endif
