/*
 * The second reader of requests. What these functions demand of the server's
 * result is in heads.c and bodies.c.
 */
#ifndef SECOND_H
#define SECOND_H

#include "body.h"
#include "request.h"
#include "text.h"

#include <stddef.h>

/* Reads a head that was taken once more. */
void check_head(const struct request *request, const char *bytes,
                size_t length);

/* Parses only the first length bytes: as long as too little has come there is
   no result, then it is this one. */
void check_prefix(const char *bytes, size_t length, long result);

/* Does that for many beginnings of an input. */
void check_prefixes(const char *bytes, size_t length, long result);

/* Passes over a body, in whatever pieces it comes. Returns its bytes. */
size_t check_body(struct body *body, struct text bytes);

#endif
