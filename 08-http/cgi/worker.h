/*
 * A program that is running already, and listens on a Unix socket: unix(7).
 * SPDX-License-Identifier: 0BSD
 */
#ifndef WORKER_H
#define WORKER_H

#include "variables.h"

/*
 * Hands a request to the worker that listens on the socket of this name: its
 * variables, each ended by NUL, then an empty one, and with them the descriptor
 * of the body, unless it is -1. Does not block. Stores the connection, on
 * which the worker will send the response. Returns 0, or the status of the
 * response.
 */
int call_worker(const char *name, const struct variables *variables, int body,
                int *output);

#endif
