/*
 * What the loop in server.c needs to know while a program runs.
 * SPDX-License-Identifier: 0BSD
 */
#include "posix.h"

#include "running.h"

#define GONE 2  /* seconds */

static int clients[FD_SETSIZE];  /* indexed by their programs' output */

int watch_output(const struct http *http, int fd, fd_set *readable,
                 int highest) {
    int output = output_of(http->cgi);

    clients[output] = fd;
    FD_SET(output, readable);
    if (has_room(http))
        FD_SET(fd, readable);
    return output > highest ? output : highest;
}

int client_of(int output) {
    return clients[output];
}

long limit_of(const struct http *http, long timeout) {
    bool gone = http->state == RUNNING && http->ended;

    return gone && (timeout == 0 || timeout > GONE) ? GONE : timeout;
}

bool stop_program(struct http *http) {
    if (http->state != RUNNING || http->ended || !stop_cgi(http->cgi))
        return false;
    http->state = SENDING;
    return true;
}
