/*
 * TLS between the socket of a connection and its HTTP side, with OpenSSL.
 * SPDX-License-Identifier: 0BSD
 */
#include "posix.h"

#include "tls.h"

#include "log.h"
#include "page.h"
#include "settings.h"

#include <ctype.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>

#define RECORD 16384  /* bytes in a record, at most: RFC 8446, 5.1 */

/* The TLS side of a connection. */
struct session {
    SSL *ssl;  /* NULL until the first bytes have arrived */
    const struct transport *wire;  /* how server.c moves records */
    const union address *peer;
    int fd;
    bool plain;  /* the client sends text, not TLS */
    size_t unsent;  /* length of the record that is still to be sent, or 0 */
};

static struct session sessions[FD_SETSIZE];  /* indexed by descriptor */
static SSL_CTX *context;      /* for new sessions; NULL: no TLS */
static const char *pem_file;  /* its certificate chain and key */
static BIO_METHOD *records;   /* how OpenSSL moves records: session->wire */
static char both[RECORD];     /* the bytes of a record from two parts */

/* ----------------------------------------------------------------- failures */

/* Returns -1 if the call must be made again once select reports what it waits
   for, and 0 if the connection is over. Reports any error but the socket's,
   which server.c has reported. See SSL_get_error(3). */
static int find_outcome(struct session *session, const char *call, int result) {
    int error = SSL_get_error(session->ssl, result);

    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return -1;
    if (error != SSL_ERROR_ZERO_RETURN)
        SSL_set_quiet_shutdown(session->ssl, 1);  /* nothing may follow */
    if (error == SSL_ERROR_SSL)
        report_tls(call, name_of(session->peer));
    return 0;
}

/* ------------------------------------------------------------------ records */

/* Receives records: BIO_read(3). */
static int receive_records(BIO *bio, char *buffer, int size) {
    struct session *session = BIO_get_data(bio);
    ssize_t count = session->wire->receive(session->fd, buffer, (size_t)size);

    BIO_clear_retry_flags(bio);
    if (count == -1)
        BIO_set_retry_read(bio);
    else if (count > 0 && BIO_number_read(bio) == 0)
        session->plain = isprint((unsigned char)*buffer)
                         || isspace((unsigned char)*buffer);
    return session->plain ? 0 : (int)count;
}

/* Sends records: BIO_write(3). */
static int send_records(BIO *bio, const char *bytes, int length) {
    const struct session *session = BIO_get_data(bio);
    struct iovec parts[2] = {{(char *)bytes, (size_t)length}, {NULL, 0}};
    ssize_t count = session->wire->send(session->fd, parts, false);

    BIO_clear_retry_flags(bio);
    if (count == -1)
        BIO_set_retry_write(bio);
    return (int)count;
}

static long control_records(BIO *bio, int command, long number, void *pointer) {
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;  /* nothing is held back here */
}

bool start_tls(const char *pem) {
    stop_tls();  /* with two -s, the last one counts */
    pem_file = pem;
    records = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
                           "records");
    if (records == NULL) {
        report_tls("BIO_meth_new", pem);
        return false;
    }
    BIO_meth_set_read(records, receive_records);
    BIO_meth_set_write(records, send_records);
    BIO_meth_set_ctrl(records, control_records);
    context = new_context(pem);
    return context != NULL && setenv("HTTPS", "on", 1) == 0;  /* for scripts */
}

bool has_tls(void) {
    return context != NULL;
}

void reload_tls(void) {
    SSL_CTX *new = context != NULL ? new_context(pem_file) : NULL;

    if (new == NULL)
        return;
    SSL_CTX_free(context);  /* sessions that use it keep it alive */
    context = new;
}

void stop_tls(void) {
    SSL_CTX_free(context);
    BIO_meth_free(records);
    context = NULL;
    records = NULL;
}

/* ------------------------------------------------------------------ content */

/* Sends the alert close_notify (nothing follows), then ends our half of the
   stream. If the socket is full, the alert waits until select reports room. */
static void finish_content(int fd) {
    struct session *session = &sessions[fd];

    ERR_clear_error();
    int result = SSL_shutdown(session->ssl);
    if (result >= 0)
        session->wire->finish(fd);
    else
        find_outcome(session, "SSL_shutdown", result);
}

/* Like recv(2): see struct transport. */
static ssize_t receive_content(int fd, void *buffer, size_t size) {
    struct session *session = &sessions[fd];

    if (SSL_want_write(session->ssl)
        && SSL_get_shutdown(session->ssl) & SSL_SENT_SHUTDOWN) {
        finish_content(fd);
        return -1;
    }
    if (SSL_get_shutdown(session->ssl) & SSL_SENT_SHUTDOWN)
        return session->wire->receive(fd, buffer, size);  /* to be discarded */
    ERR_clear_error();
    int count = SSL_read(session->ssl, buffer, (int)size);
    return count > 0 ? count : find_outcome(session, "SSL_read", count);
}

/* Returns the content of the next record. If the first part does not fill it,
   bytes of the second follow, so that a head and its file share a record. */
static struct iovec next_record(const struct iovec parts[2], size_t sent) {
    size_t first = sent < parts[0].iov_len ? parts[0].iov_len - sent : 0;
    size_t second = parts[0].iov_len + parts[1].iov_len - sent - first;
    char *start = (char *)parts[0].iov_base + sent;
    char *next = first > 0 ? parts[1].iov_base
                           : (char *)parts[1].iov_base + sent
                                 - parts[0].iov_len;

    if (first >= RECORD || second == 0)
        return (struct iovec){start, first < RECORD ? first : RECORD};
    if (first + second > RECORD)
        second = RECORD - first;
    if (first == 0)
        return (struct iovec){next, second};
    memcpy(both, start, first);
    memcpy(both + first, next, second);
    return (struct iovec){both, first + second};
}

/* Like sendmsg(2): see struct transport. Sends records until the socket is full
   or all is sent. A record that was begun must be completed: the next call for
   this connection begins with the same bytes, perhaps at another address. If
   the file has shrunk and fewer bytes are left, any others of the same number
   will do: OpenSSL compares only the number, and sends the record that it has
   already encrypted. */
static ssize_t send_content(int fd, struct iovec parts[2], bool last) {
    struct session *session = &sessions[fd];
    size_t total = parts[0].iov_len + parts[1].iov_len, sent = 0;
    int count;

    (void)last;  /* the alert follows, in a call of its own */
    do {
        struct iovec record = next_record(parts, sent);
        if (record.iov_len < session->unsent)
            record = (struct iovec){both, session->unsent};
        ERR_clear_error();
        count = SSL_write(session->ssl, record.iov_base, (int)record.iov_len);
        session->unsent = count > 0 ? 0 : record.iov_len;
        if (count > 0)
            sent += (size_t)count;
    } while (count > 0 && sent < total);
    if (count <= 0 && find_outcome(session, "SSL_write", count) == 0)
        return 0;
    return sent > 0 ? (ssize_t)sent : -1;
}

/* ------------------------------------------------------------------- a turn */

/* Begins a session. Returns false, with a message, if there is no memory. */
static bool begin_session(struct session *session, int fd,
                          const struct http *http,
                          const struct transport *wire) {
    BIO *bio = BIO_new(records);

    *session = (struct session){.fd = fd, .peer = http->peer, .wire = wire};
    session->ssl = bio != NULL ? SSL_new(context) : NULL;
    if (session->ssl == NULL) {
        report_tls("SSL_new", name_of(http->peer));
        BIO_free(bio);
        return false;
    }
    BIO_set_data(bio, session);
    BIO_set_init(bio, 1);
    SSL_set_bio(session->ssl, bio, bio);
    SSL_set_accept_state(session->ssl);
    return true;
}

/* Answers a client that speaks HTTP without TLS, and lingers. */
static void reject_plain(const struct session *session, struct http *http) {
    static char answer[] =
        "HTTP/1.1 400 Bad Request\r\n"
        "Server: sockets-ladder\r\n"
        "Connection: close\r\n"
        "Content-Type: text/html; charset=utf-8\r\n"
        "\r\n" PAGE_START
        "<title>400 Bad Request</title>\n"
        "<h1>400 Bad Request</h1>\n"
        "<p>This port speaks TLS: use an address that begins with "
        "https://.</p>\n";
    static const struct request none;
    struct iovec parts[2] = {{answer, sizeof answer - 1}, {NULL, 0}};

    http->state = CLOSED;
    if (session->wire->send(session->fd, parts, true)
        != (ssize_t)parts[0].iov_len)
        return;
    log_request(http->peer, &none, 400, 0);
    session->wire->finish(session->fd);
    http->progress = true;
    http->state = LINGERING;
}

/* Continues the handshake, and sets progress when it is complete. */
static void shake_hands(struct session *session, struct http *http) {
    ERR_clear_error();
    int result = SSL_accept(session->ssl);

    http->progress = result == 1;
    if (result == 1)
        return;
    if (find_outcome(session, "SSL_accept", result) == 0)
        http->state = CLOSED;
    if (session->plain)
        reject_plain(session, http);
}

/* Returns what the connection is waiting for. */
static enum waits find_waits(const struct session *session,
                             const struct http *http) {
    const SSL *ssl = session->ssl;

    if (http->state == SENDING && http->output_length == 0
        && http->file == NULL)
        return FOR_ROOM;  /* no call to OpenSSL is unfinished */
    if (session->plain || SSL_want_read(ssl))
        return FOR_BYTES;
    if (SSL_want_write(ssl) || http->state == SENDING)
        return FOR_ROOM;
    bool receives = http->state == RECEIVING
                    || (http->state == RUNNING && has_room(http));
    return receives && SSL_has_pending(ssl) ? FOR_NOTHING : FOR_BYTES;
}

enum waits serve_tls(struct http *http, int fd,
                     const struct transport *transport) {
    static const struct transport content = {receive_content, send_content,
                                             finish_content,
                                             NULL};  /* a copy is encrypted */
    struct session *session = &sessions[fd];

    if (context == NULL || session->plain) {
        serve_http(http, fd, transport);
        return http->state == SENDING ? FOR_ROOM : FOR_BYTES;
    }
    if (session->ssl == NULL && !begin_session(session, fd, http, transport)) {
        http->state = CLOSED;
        return FOR_NOTHING;
    }
    if (SSL_is_init_finished(session->ssl))
        serve_http(http, fd, &content);
    else
        shake_hands(session, http);
    return find_waits(session, http);
}

void end_tls(int fd) {
    struct session *session = &sessions[fd];

    if (session->ssl == NULL)
        return;
    ERR_clear_error();
    if (SSL_is_init_finished(session->ssl)
        && SSL_get_quiet_shutdown(session->ssl) == 0
        && (SSL_get_shutdown(session->ssl) & SSL_SENT_SHUTDOWN) == 0)
        SSL_shutdown(session->ssl);
    SSL_free(session->ssl);
    *session = (struct session){.ssl = NULL};
}
