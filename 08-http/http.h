/*
 * The HTTP side of a connection. server.c calls serve_http whenever the socket
 * is ready: it receives, answers and sends as much as the socket takes.
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

/* What the connection waits for, and so what server.c has to do. */
enum http_state {
    RECEIVING,  /* a request: call again when the socket is readable */
    SENDING,    /* what is left: call again when it is writable */
    LINGERING,  /* all is sent: discard what comes until the client closes */
    CLOSED,     /* nothing more: close the socket */
};

/* How bytes travel. The functions report their failures themselves. */
struct transport {
    /* As recv(2), but returns 0 also if the connection has failed, and -1 only
       if nothing has come yet. */
    ssize_t (*receive)(int fd, void *buffer, size_t size);

    /* As sendmsg(2) with two parts, of which the second may be empty. Returns
       0 if the connection has failed, -1 if nothing can be sent now.
       last: the end of the stream follows these bytes. */
    ssize_t (*send)(int fd, struct iovec parts[2], bool last);

    /* Ends our half of the stream: shutdown(2) with SHUT_WR. */
    void (*finish)(int fd);
};

/* Zeroed but for its peer, it is ready for the first request. Between two
   requests it needs no other memory. */
struct http {
    const union address *peer;  /* for the log */
    enum http_state state;
    bool progress;          /* the last call got on: see serve_http */

    char *input;            /* received and not answered yet, or NULL */
    size_t input_length;
    size_t head;            /* bytes of a head whose body is coming, or 0 */
    struct body body;
    size_t body_length;     /* bytes of it that have gained the client time, */
    size_t body_new;        /* and those since then */
    struct list *list;      /* to be finished for the request, or NULL */
    bool more;              /* there may be a whole request in the input */

    char *output;           /* to be sent before anything else, or NULL */
    size_t output_length;
    struct file *file;      /* to be sent after that, or NULL: ... */
    long long next, end;    /* ... from this byte on, up to that */
    bool closing;           /* nothing follows what is to be sent */
    size_t discarded;       /* bytes that came while it lingered */
};

/*
 * Serves the client as far as the socket allows. Returns the state that this
 * leaves the connection in.
 *
 * progress says whether the client has gained time: that is when bytes are
 * sent, when a request begins, when its head is complete, and whenever the body
 * has grown by half, or by 1 KB. So neither a head nor a body that trickles
 * keeps a connection for ever, nor do empty lines, nor what comes while it
 * lingers. While a list is made the client gains time: it waits for the server.
 */
enum http_state serve_http(struct http *http, int fd,
                           const struct transport *transport);

/* Frees what the connection holds, in any state. */
void end_http(struct http *http);

#endif
