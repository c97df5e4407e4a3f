/*
 * The head of an answer, and which part of a file follows it.
 */
#ifndef RESPONSE_H
#define RESPONSE_H

#include "cache.h"
#include "request.h"

#include <stdbool.h>

struct response {
    int status;
    struct file *file;        /* or NULL: a page of ours, if any */
    long long start, length;  /* of the part of the file that is asked for */
    bool part_follows;        /* the head, and is not just described by it */
    long long body;           /* bytes of what follows the head */
    bool stays;               /* the connection, after this */
};

/* Bytes that write_response may need: all of a target may have to be escaped,
   and less than another is all the rest. */
#define MOST_RESPONSE (4 * MAX_TARGET)

/*
 * Compares a request's conditions with the file that was found for it, and
 * looks for the range that it wants: RFC 9110, 13 and 14. Makes a response of
 * status 200 one of 200, 206, 304, 412 or 416, with the part to send.
 */
void apply_conditions(struct response *response, const struct request *request);

/* Writes the head, and the page if no file is to follow. Returns the end. */
char *write_response(char *to, struct response *response,
                     const struct request *request);

#endif
