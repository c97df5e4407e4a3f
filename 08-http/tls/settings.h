/*
 * The settings of TLS, and the certificate.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <openssl/ssl.h>

/*
 * Returns the settings for new sessions, with the certificate chain and key
 * from a file; on failure prints why and returns NULL. TLS 1.2 and 1.3, with
 * ciphers that authenticate the server and have forward secrecy. Sessions are
 * resumed by tickets, which clients keep: the server stores none.
 */
SSL_CTX *new_context(const char *pem);

/* Reports the first of the errors that OpenSSL has noted for a call, and clears
   all of them. */
void report_tls(const char *call, const char *detail);

#endif
