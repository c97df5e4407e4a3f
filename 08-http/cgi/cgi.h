/*
 * A request that a program answers, from its body to the end of the program's
 * output: the Common Gateway Interface, RFC 3875.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef CGI_H
#define CGI_H

#include "address.h"
#include "body.h"
#include "request.h"

#include <stdbool.h>
#include <stddef.h>

struct cgi;

/* Begins a request, before its body is received. Returns 0, or the status of
   the response: 403, 404, 405, 413, 500, 501 or 503. */
int begin_cgi(struct cgi **cgi, const struct request *request);

/* Skips received bytes of the body as skip_body does, and keeps its content for
   the program. Sets the status of the response if that fails. */
size_t take_body(struct cgi *cgi, struct body *body, const char *bytes,
                 size_t length);

/* Starts the program; call it once the body is complete. The request came from
   peer, on socket. Returns 0, or the status of the response. */
int run_cgi(struct cgi *cgi, const struct request *request, int socket,
            const union address *peer);

/* Returns the descriptor to wait for, or -1 if there is none. It is readable
   when the program has written something, or has ended. */
int output_of(const struct cgi *cgi);

/* The state of the response. */
struct progress {
    int status;       /* of the response, once known */
    bool moved;       /* the last call has found output, or its end */
    bool over;        /* nothing more will come */
    bool failed;      /* no output: send the page for the status */
    bool broken;      /* the output is incomplete: close the connection */
    bool persistent;  /* the connection stays open afterwards */
    long long body;   /* bytes of its body so far, for the log */
};

/* The most bytes that one call of continue_cgi writes. */
#define MOST_OUTPUT 131072

/*
 * Writes the next part of the response from the output of the program: the
 * head, once it is complete, and the body. Without a Content-Length the body is
 * chunked; for HTTP/1.0 it ends with the connection. Returns the end of
 * that part, which is empty if the program has written nothing.
 */
char *continue_cgi(struct cgi *cgi, const struct request *request, char *to);
const struct progress *progress_of(const struct cgi *cgi);

/* Kills a program that has been silent for too long. Returns true if
   the client has received nothing yet, so a 504 can still be sent. */
bool stop_cgi(struct cgi *cgi);

/* Frees a request, and kills its program unless the output has ended. */
void free_cgi(struct cgi *cgi);

#endif
