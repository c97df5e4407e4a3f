/*
 * The HTTP side of a connection. server.c calls serve_http whenever the socket
 * is ready: it receives requests, and sends as much of the responses as the
 * socket takes.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef HTTP_H
#define HTTP_H

#include "address.h"
#include "body.h"
#include "cache.h"
#include "list.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

/* What the connection waits for, and so what server.c does next. */
enum http_state {
    RECEIVING,  /* requests: call again when the socket is readable */
    SENDING,    /* room for output: call again when it is writable */
    LINGERING,  /* the client's end of stream: call again when readable */
    CLOSED,     /* nothing: close the socket */
};

/* The functions that move bytes. They report their errors themselves. sendmsg
   and sendfile are reported as send: they fail for the same reasons, since the
   file that sendfile reads is in memory. */
struct transport {
    /* Like recv(2), but returns 0 also if the connection has failed, and -1
       only if no byte has arrived yet. */
    ssize_t (*receive)(int fd, void *buffer, size_t size);

    /* Like sendmsg(2) with two parts, of which the second may be empty. Returns
       0 if the connection has failed, and -1 if no byte can be sent yet. more:
       whether bytes of a file or the end of the stream follow at once. */
    ssize_t (*send)(int fd, struct iovec parts[2], bool more);

    /* Ends our half of the stream: shutdown(2) with SHUT_WR. */
    void (*finish)(int fd);

    /* Sends bytes of a file without copying them, as Linux's sendfile(2) does.
       Returns as send does. If NULL, bytes are read, and sent with send. */
    ssize_t (*send_file)(int fd, int file, long long start, size_t length);
};

/* The HTTP state of a connection. Zeroed except for peer, it is ready for the
   first request. Between two requests a connection needs no other memory. */
struct http {
    const union address *peer;  /* for the log */
    enum http_state state;
    bool progress;          /* in the last call: see serve_http */

    char *input;            /* received and not handled yet, or NULL */
    size_t input_length;
    size_t head;            /* length of a head not answered yet, or 0 */
    struct body body;
    size_t body_length;     /* bytes of the body at its last progress, ... */
    size_t body_new;        /* ... and those received since */
    struct list *list;      /* being made for the request, or NULL */
    bool more;              /* the input may contain another whole request */

    char *output;           /* to be sent next, or NULL */
    size_t output_length;
    struct file *file;      /* to be sent after that, or NULL: ... */
    long long next, end;    /* ... from the byte at next up to end */
    bool closing;           /* the response is the last one */
    size_t discarded;       /* bytes received while lingering */
};

/*
 * Serves the client as far as the socket allows. Returns the new state.
 *
 * Sets progress if the client's time limit starts again: when bytes are sent,
 * when a request begins, when its head is complete, when its body has grown by
 * half or by 1 KB, and while a list is made. Other bytes are no progress, so a
 * client cannot hold a connection for ever by sending, bit by bit, a head, a
 * body, empty lines, or bytes after its last request.
 */
enum http_state serve_http(struct http *http, int fd,
                           const struct transport *transport);

/* Frees the memory and files of a connection, in any state. */
void end_http(struct http *http);

#endif
