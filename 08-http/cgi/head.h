/*
 * The head that a program writes before the body of its response: RFC 3875, 6.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef HEAD_H
#define HEAD_H

#include "text.h"

#include <stddef.h>

#define MOST_SCRIPT_HEAD 16384  /* bytes */

struct head {
    int status;          /* 200 unless the program sets it */
    struct text reason;  /* after the status, or absent */
    long long length;    /* from Content-Length, or -1 */
    struct text lines;   /* of all fields */
    const char *fault;   /* why the head is malformed */
};

/*
 * Parses the head from the bytes written so far. The result points into those
 * bytes. parse_head makes no call that can fail. The parser is strict, so that
 * a program does not add a field, or a second response, by accident. Returns
 * the length of the head, or 0 if its end has not been written yet, or -1 if it
 * is malformed, with the reason in fault.
 */
long parse_head(struct head *head, const char *bytes, size_t length);

/* Writes the fields that are for the client, without those that the server
   writes itself, or that are for one connection only. Writes at most twice as
   many bytes as the head has. Returns the end. */
char *write_fields(char *to, const struct head *head);

#endif
