/*
 * What the loop in server.c needs to know about a connection while a program
 * runs for it.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef RUNNING_H
#define RUNNING_H

#include "http.h"

#include <stdbool.h>
#include <sys/select.h>

/*
 * Adds the output of the program to the descriptors to watch. While there is
 * room for bytes from the client, its socket, fd, is watched too; this also
 * shows when the client's stream ends. Returns the larger of output and
 * highest.
 */
int watch_output(const struct http *http, int fd, fd_set *readable,
                 int highest);

/* Returns the socket of the client whose program has this output. */
int client_of(int output);

/*
 * Returns how many seconds a connection may be silent (0 = for ever): the
 * timeout, but at most two if the client's stream has ended while a program
 * runs. TCP does not show whether that client has closed its socket or only its
 * half of the connection.
 */
long limit_of(const struct http *http, long timeout);

/* Kills the program, if one runs, because it has been silent for too long.
   Returns whether the client gets a 504; if not, close the connection. */
bool stop_program(struct http *http);

#endif
