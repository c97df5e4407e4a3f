/*
 * The second parser of requests. heads.c and bodies.c assert that the server's
 * result agrees with it.
 */
#ifndef SECOND_H
#define SECOND_H

#include "body.h"
#include "request.h"
#include "text.h"

#include <stddef.h>

/* Parses again a head that the server has accepted. */
void check_head(const struct request *request, const char *bytes,
                size_t length);

/* Parses only the first length bytes. Demands 0 if the head is incomplete, and
   otherwise the result of the whole input. */
void check_prefix(const char *bytes, size_t length, long result);

/* Calls check_prefix for several prefixes of an input. */
void check_prefixes(const char *bytes, size_t length, long result);

/* Skips a body, in one piece and in several, and checks the result. Returns its
   length. */
size_t check_body(struct body *body, struct text bytes);

#endif
