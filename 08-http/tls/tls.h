/*
 * TLS between the socket of a connection and its HTTP side, with OpenSSL.
 * server.c moves records (ciphertext), http.c sees requests and responses.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef TLS_H
#define TLS_H

#include "http.h"

#include <stdbool.h>

/*
 * What select is to wait for before serve_tls is called again: the only value
 * that TLS adds to a connection. A call to OpenSSL may need the direction
 * opposite to its name: SSL_write may wait for bytes, and SSL_read for room.
 * One value is enough because a connection never reads and writes at the same
 * time: it receives a request, or sends a response, or lingers. So only one
 * call can be unfinished; it waits for one thing, and is then made again.
 */
enum waits {
    FOR_BYTES,    /* from the client */
    FOR_ROOM,     /* for bytes to the client */
    FOR_NOTHING,  /* call at once: OpenSSL holds bytes that select cannot see */
};

/* Loads the certificate chain and its key from a file. The string that names it
   must stay valid. Returns false, with a message, on failure. Without this call
   there is no TLS. Call it before atexit: OpenSSL registers a handler that must
   run after ours. */
bool start_tls(const char *pem);

bool has_tls(void);

/* Reloads the certificates and the key, for new connections. On failure the old
   ones stay in use. */
void reload_tls(void);

/*
 * Completes the handshake, then serves requests: serve_http. The transport
 * moves the records. Sets progress when the handshake is complete, and not
 * before: a client that sends its part a few bytes at a time cannot hold a
 * connection for ever.
 */
enum waits serve_tls(struct http *http, int fd,
                     const struct transport *transport);

/* Sends the alert close_notify (nothing follows), unless it has been sent or
   the connection has failed. Frees the session. Call it before closing the
   socket. */
void end_tls(int fd);

void stop_tls(void);

#endif
