/*
 * A connection while a program answers its request. http.c and relay.c share
 * the buffers that are only needed during one call.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef RELAY_H
#define RELAY_H

#include "http.h"
#include "request.h"
#include "response.h"

#include <stdbool.h>
#include <stddef.h>

#define PIECE 262144  /* bytes of a file read at a time */

/* The working memory of one call. */
struct buffers {
    char input[2 * MAX_HEAD];  /* a head and body bytes, or several heads */
    size_t received, used;     /* bytes of input: all, and those handled */
    char output[PIECE];        /* far more than BATCH + MOST_RESPONSE */
    size_t written;
};

/* ------------------------------------------------------------- in relay.c */

/* Prepares for the body; once it is complete, starts a program to answer.
   Returns 0, or the status of an error. */
int find_program(struct http *http, const struct request *request);

/* Skips received bytes of a body, and keeps its content if it is for a program.
   Returns how many bytes belong to it. */
size_t receive_body(struct http *http, const char *bytes, size_t length);

/* Returns 0, or the status of the response to a body that is malformed or that
   cannot be kept. */
int fault_of_body(const struct http *http);

/* Adds a program's new bytes to the output; if there are none, receives from
   the client. */
void relay(struct http *http, struct buffers *buffers, int fd,
           const struct transport *transport);

/* Adds an error as the last response: to read another request, the server would
   have to receive the rest of the body first. Returns false. */
bool reject_body(struct http *http, struct buffers *buffers, int status,
                 const struct request *request);

/* Frees the request to a program, if there is one: see free_cgi. */
void end_cgi(struct http *http);

/* -------------------------------------------------------------- in http.c */

/* Adds a response to the output. */
void add_response(struct http *http, struct buffers *buffers,
                  struct response *response, const struct request *request);

void load_input(const struct http *http, struct buffers *buffers);

/* Saves the input that has not been handled. If the body of a request is
   incomplete, only its head is needed. */
void save_input(struct http *http, const struct buffers *buffers);

#endif
