/*
 * The head of a response, and which part of a file follows it.
 */
#ifndef RESPONSE_H
#define RESPONSE_H

#include "cache.h"
#include "request.h"

#include <stdbool.h>

struct response {
    int status;
    struct file *file;        /* or NULL: a page of our own, if any */
    long long start, length;  /* of the part of the file that was requested */
    bool part_follows;        /* false: the head only describes it */
    long long body;           /* bytes that follow the head */
    bool stays;               /* the connection stays open after this */
};

/* Bytes that write_response may need: three times a target, if all of it has to
   be escaped, and less than a fourth for all the rest. */
#define MOST_RESPONSE (4 * MAX_TARGET)

/*
 * Evaluates a request's preconditions and its range for the file that was
 * found: RFC 9110, 13 and 14. Turns a response of status 200 into one of 200,
 * 206, 304, 412 or 416, with the part to send.
 */
void apply_conditions(struct response *response, const struct request *request);

/* Writes the head, and the page if no file follows. Returns the end. */
char *write_response(char *to, struct response *response,
                     const struct request *request);

#endif
