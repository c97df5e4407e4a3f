/*
 * The settings of TLS, and the certificate.
 * SPDX-License-Identifier: 0BSD
 */
#include "posix.h"

#include "settings.h"

#include "log.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void report_tls(const char *call, const char *detail) {
    unsigned long error = ERR_peek_error();
    const char *library = ERR_lib_error_string(error);
    const char *reason = ERR_reason_error_string(error);

    report_failure(call, library != NULL ? library : "OpenSSL",
                   reason != NULL ? reason : "no reason given", detail);
    ERR_clear_error();
}

/* Selects HTTP/1.1, or else HTTP/1.0, if the client offers a list of protocols:
   RFC 7301. A client that offers only others is rejected. */
static int select_protocol(SSL *ssl, const unsigned char **selected,
                           unsigned char *length, const unsigned char *offered,
                           unsigned offered_length, void *unused) {
    static const unsigned char ours[] = "\x08http/1.1\x08http/1.0";
    unsigned char *found;

    (void)ssl;
    (void)unused;
    int result = SSL_select_next_proto(&found, length, ours, sizeof ours - 1,
                                       offered, offered_length);
    if (result != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *selected = found;
    return SSL_TLSEXT_ERR_OK;
}

/* Gives no passphrase. By default OpenSSL would ask for one at the terminal. */
/* NOLINTNEXTLINE(readability-non-const-parameter): OpenSSL declares its type */
static int refuse_passphrase(char *buffer, int size, int writing,
                             void *unused) {
    (void)buffer;
    (void)size;
    (void)writing;
    (void)unused;
    return -1;
}

/* Returns whether only the owner can access a file. If not, reports why. */
static bool is_private(const char *pem) {
    struct stat status;
    char mode[sizeof "mode 777"];
    int fd = open(pem, O_RDONLY | O_CLOEXEC);

    int result = fd == -1 ? -1 : fstat(fd, &status);
    if (result == -1)
        report_failure(fd == -1 ? "open" : "fstat", NULL, NULL, pem);
    if (fd != -1)
        close(fd);
    if (result == -1)
        return false;
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) == 0)
        return true;
    snprintf(mode, sizeof mode, "mode %03o",
             (unsigned)status.st_mode & (S_IRWXU | S_IRWXG | S_IRWXO));
    report_failure("open", mode,
                   "other users can access the private key: chmod 600", pem);
    return false;
}

/* Loads the certificate chain and the key. Returns false, with a message, if
   they cannot be read, or do not belong together. */
static bool load_pem(SSL_CTX *new, const char *pem) {
    const char *call = "SSL_CTX_use_certificate_chain_file";

    if (!is_private(pem))
        return false;
    SSL_CTX_set_default_passwd_cb(new, refuse_passphrase);
    if (SSL_CTX_use_certificate_chain_file(new, pem) == 1) {
        call = "SSL_CTX_use_PrivateKey_file";
        if (SSL_CTX_use_PrivateKey_file(new, pem, SSL_FILETYPE_PEM) == 1)
            return true;
    }
    report_tls(call, pem);
    return false;
}

SSL_CTX *new_context(const char *pem) {
    SSL_CTX *new = SSL_CTX_new(TLS_server_method());

    if (new == NULL
        || !SSL_CTX_set_min_proto_version(new, TLS1_2_VERSION)
        || !SSL_CTX_set_cipher_list(new, "ECDHE+AESGCM:ECDHE+CHACHA20")) {
        report_tls("SSL_CTX_new", pem);
        SSL_CTX_free(new);
        return NULL;
    }
    SSL_CTX_set_options(new, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION
                                 | SSL_OP_CIPHER_SERVER_PREFERENCE
                                 | SSL_OP_PRIORITIZE_CHACHA);
    /* SSL_write may write only a part, and may be repeated with another buffer;
       an idle session keeps no buffers. See SSL_CTX_set_mode(3). */
    SSL_CTX_set_mode(new, SSL_MODE_ENABLE_PARTIAL_WRITE
                              | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                              | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(new, 1);  /* a record takes one call, not two */
    SSL_CTX_set_session_cache_mode(new, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(new, 1);
    SSL_CTX_set_alpn_select_cb(new, select_protocol, NULL);
    if (load_pem(new, pem))
        return new;
    SSL_CTX_free(new);
    return NULL;
}
