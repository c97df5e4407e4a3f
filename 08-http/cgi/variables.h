/*
 * The variables that describe the request to a program: RFC 3875, 4.1.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef VARIABLES_H
#define VARIABLES_H

#include "address.h"
#include "request.h"
#include "script.h"

#include <stddef.h>

#define MOST_VARIABLES (MAX_FIELDS + 32)

struct variables {
    char *names[MOST_VARIABLES + 1];  /* "NAME=value", and at the end NULL */
    size_t count;
    char bytes[98304];  /* all of them, one after another, with their NULs */
    size_t used;
};

/*
 * Sets the variables of a request to a script, and no others: of the server's
 * own variables only PATH and HTTPS are passed on. length: bytes of the
 * request's body. peer: the client's address, local: ours.
 *
 * Each field of the request becomes HTTP_NAME, except fields about the
 * connection; Proxy, because HTTP_PROXY makes programs use a proxy;
 * Authorization, because other users may see variables; and names with an
 * underscore, because the same name with a hyphen becomes the same variable.
 */
void set_variables(struct variables *variables, const struct request *request,
                   const struct script *script, long long length,
                   const union address *peer, const union address *local);

#endif
