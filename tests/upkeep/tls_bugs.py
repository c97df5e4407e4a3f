"""Programs with one bug each, made from 08-http/tls: the check that has to
fail, what it must say, the source, and the edits (old text and new text)."""

import collections

Bug = collections.namedtuple('Bug', 'check says source edits')
BUGS = []


def bug(check, says, source, *edits):
    BUGS.append(Bug(check, says, source, edits))


# ------------------------------------------------------- settings, certificate

bug('chain_sent', '', 'settings.c',
    ('SSL_CTX_use_certificate_chain_file(new, pem)',
     'SSL_CTX_use_certificate_file(new, pem, SSL_FILETYPE_PEM)'))
bug('key_readable_refused', 'exits by itself', 'settings.c',
    ('if (!is_private(pem))', 'if (0 && !is_private(pem))'))
bug('key_readable_refused', 'exits by itself', 'settings.c',
    ('(S_IRWXG | S_IRWXO)) == 0', 'S_IRWXO) == 0'))
bug('key_readable_refused', 'exits by itself', 'settings.c',
    ('(S_IRWXG | S_IRWXO)) == 0', '(S_IRGRP | S_IROTH)) == 0'))
bug('bad_files_refused', 'exits by itself', 'settings.c',
    ('    report_tls(call, pem);\n    return false;',
     '    report_tls(call, pem);\n    return true;'))
bug('passphrase_not_asked', '', 'settings.c',
    ('    return -1;', '    return snprintf(buffer, 9, "secret");'))
bug('versions', 'TLSv1.3', 'settings.c',
    ('    SSL_CTX_set_options(', '    SSL_CTX_set_max_proto_version(new, '
     'TLS1_2_VERSION);\n    SSL_CTX_set_options('))
bug('old_versions_refused', 'TLS 1.1', 'settings.c',
    ('TLS1_2_VERSION)', 'TLS1_VERSION)'),
    ('ECDHE+CHACHA20"', 'ECDHE+CHACHA20:ECDHE+AES:@SECLEVEL=0"'))
bug('ciphers_strong', 'no handshake with .*SHA', 'settings.c',
    ('ECDHE+CHACHA20"', 'ECDHE+CHACHA20:ECDHE+AES"'))
bug('ciphers_strong', '', 'settings.c', (':ECDHE+CHACHA20', ''))
bug('protocol_selected', 'http/1.1', 'settings.c',
    ('SSL_CTX_set_alpn_select_cb(new, select_protocol, NULL)',
     '(void)select_protocol'))
bug('protocol_selected', 'h2 alone', 'settings.c',
    ('SSL_TLSEXT_ERR_ALERT_FATAL', 'SSL_TLSEXT_ERR_NOACK'))
bug('resumed_by_ticket', 'resumed', 'settings.c',
    ('SSL_OP_NO_COMPRESSION', 'SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET'))
bug('no_renegotiation', 'no renegotiation', 'settings.c',
    ('SSL_OP_NO_RENEGOTIATION', 'SSL_OP_ALLOW_CLIENT_RENEGOTIATION'))
bug('sslscan_content', 'forward secrecy', 'settings.c',
    ('ECDHE+CHACHA20"', 'ECDHE+CHACHA20:ECDHE+AES"'))
bug('idle_sessions_are_small', '18 KB', 'settings.c',
    ('\n                              | SSL_MODE_RELEASE_BUFFERS', ''))
bug('record_begun_and_read_short', 'end of the stream', 'settings.c',
    ('\n                              | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER',
     ''))

# ------------------------------------------------------------------ the limits

bug('silent_script_over_tls', 'whole response', 'server.c',
    ('            connection->waits = FOR_NOTHING;  /* call serve_tls: 504 '
     '*/\n', ''))

# ---------------------------------------------------------------- the signals

bug('reload_on_hangup', 'certificate verify failed', 'server.c',
    ('            reload_tls();\n', ''))
bug('bad_reload_keeps_the_old', '', 'tls.c',
    ('    if (new == NULL)\n        return;\n    SSL_CTX_free',
     '    SSL_CTX_free'))
bug('hangup_without_tls', 'SIGHUP', 'server.c',
    ('log_file == NULL && !has_tls()', '0'))
bug('sigterm_says_so', 'close_notify', 'server.c',
    ('            end_tls(fd);\n', ''))

# -------------------------------------------------------------- the handshake

bug('plain_http_told', '400|the end', 'tls.c',
    ('    if (session->plain)\n        reject_plain', '    if (0)\n'
     '        reject_plain'))
bug('plain_http_told', 'ECONNRESET|EPIPE', 'tls.c',
    ('    http->state = LINGERING;\n', ''))
bug('garbage_refused', 'an alert at most', 'tls.c',
    ("isprint((unsigned char)*buffer)\n                         "
     "|| isspace((unsigned char)*buffer)", "*buffer != 22"))
bug('handshakes_broken_off', 'descriptors', 'tls.c',
    ('    if (find_outcome(session, "SSL_accept", result) == 0)\n'
     '        http->state = CLOSED;\n',
     '    find_outcome(session, "SSL_accept", result);\n'))
bug('slow_handshake', '-t 1', 'tls.c',
    ('http->progress = result == 1;', 'http->progress = true;'))
bug('nobody_waits', '', 'tls.c',
    ('    int result = SSL_accept(session->ssl);\n',
     '    int result;\n    do\n        result = SSL_accept(session->ssl);\n'
     '    while (result == -1 && SSL_get_error(session->ssl, result) == '
     'SSL_ERROR_WANT_READ);\n'))
bug('many_sessions', '', 'tls.c',
    ('&sessions[fd]', '&sessions[fd % 256]'))
bug('sessions_are_freed', 'memory', 'tls.c',
    ('    SSL_free(session->ssl);\n', ''))

# ---------------------------------------------------------------- the records

bug('bytes_one_by_one', '', 'tls.c',
    ('    if (count == -1)\n        BIO_set_retry_read(bio);\n', ''),
    ('    else if (count > 0 && BIO_number_read',
     '    if (count > 0 && BIO_number_read'))
bug('record_for_each_byte', '', 'tls.c',
    ('? FOR_NOTHING : FOR_BYTES', '? FOR_BYTES : FOR_BYTES'))
bug('unseen_by_select', '', 'tls.c',
    ('? FOR_NOTHING : FOR_BYTES', '? FOR_BYTES : FOR_BYTES'))
bug('half_a_record_sleeps', 'spins', 'tls.c',
    ('if (session->plain || SSL_want_read(ssl))', 'if (session->plain)'))
bug('slow_reader', 'bytes', 'tls.c',
    ('if (SSL_want_write(ssl) || http->state == SENDING)',
     'if (SSL_want_write(ssl))'))
bug('record_begun_and_read_short', 'bytes', 'tls.c',
    ('        if (count > 0)\n            sent += (size_t)count;',
     '        sent += record.iov_len;'))
bug('record_begun_and_read_short', 'end of the stream', 'tls.c',
    ('if (record.iov_len < session->unsent)', 'if (0)'))
bug('files_of_every_length', '', 'tls.c',
    ('        second = RECORD - first;\n', '        second = RECORD - first,'
     ' first--;\n'))
bug('uploads_over_tls', 'HTTPS|on', 'tls.c',
    (' && setenv("HTTPS", "on", 1) == 0', ''))
bug('requests_meanwhile_over_tls', '', 'tls.c',
    ('if (http->state == SENDING && http->output_length == 0\n        && '
     'http->file == NULL)', 'if (0)'))
bug('errors_are_ones_own', '', 'tls.c',
    ('    ERR_clear_error();\n', ''),
    ('    if (error == SSL_ERROR_SSL)\n        report_tls(call, '
     'name_of(session->peer));\n', '    (void)call;\n'))
bug('records_without_bytes', '1 second', 'server.c',
    ('    connection->waits = serve_tls(http, client, &transport);\n',
     '    connection->waits = serve_tls(http, client, &transport);\n'
     '    http->progress = true;\n'))
bug('key_update_meanwhile', 'second send', 'server.c',
    ('http.state == RUNNING\n                 && connection->waits != '
     'FOR_ROOM', 'http.state == RUNNING'))
bug('key_update', '', 'settings.c',
    ('    SSL_CTX_set_options(', '    SSL_CTX_set_max_proto_version(new, '
     'TLS1_2_VERSION);\n    SSL_CTX_set_options('))

# ------------------------------------------------------------------- the ends

bug('told_of_the_end', 'close_notify', 'tls.c',
    ('    int result = SSL_shutdown(session->ssl);\n    if (result >= 0)\n'
     '        session->wire->finish(fd);',
     '    int result = 0;\n    if (result >= 0)\n'
     '        session->wire->finish(fd);'),
    ('        SSL_shutdown(session->ssl);\n    SSL_free',
     '        (void)0;\n    SSL_free'))
bug('answers_the_alert', 'close_notify', 'tls.c',
    ('    if (error != SSL_ERROR_ZERO_RETURN)\n        SSL_set_quiet',
     '    SSL_set_quiet'))
bug('answers_the_alert', 'no line', 'tls.c',
    ('    if (error == SSL_ERROR_SSL)\n', ''))
bug('ends_without_an_alert', 'no line', 'tls.c',
    ('    if (error == SSL_ERROR_SSL)\n',
     '    if (error != SSL_ERROR_ZERO_RETURN)\n'))
bug('tampered_record', 'SSL_read', 'tls.c',
    ('    if (error == SSL_ERROR_SSL)\n', '    if (0)\n'))

# ------------------------------------------------------------- common programs

bug('curl_verifies', '', 'tls.c',
    ('    return count > 0 ? count : find_outcome(session, "SSL_read", count);',
     '    return count > 0 ? count - 1 : find_outcome(session, "SSL_read", '
     'count);'))
bug('ab_over_tls', 'none failed', 'tls.c',
    ('    (void)last;',
     '    if (fd == 40)\n        return 0;\n    (void)last;'))
