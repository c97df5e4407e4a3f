/*
 * The body of a request in a temporary file.
 * SPDX-License-Identifier: 0BSD
 */
#include "posix.h"

#include "upload.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct upload open_upload(void) {
    struct upload upload = {.fd = -1};
    const char *folder = getenv("TMPDIR");
    char name[4096];

    snprintf(name, sizeof name, "%s/ladder-XXXXXX",
             folder != NULL ? folder : "/tmp");
    upload.fd = mkstemp(name);
    if (upload.fd != -1)
        unlink(name);  /* the file stays until it is closed */
    if (upload.fd == -1 || fcntl(upload.fd, F_SETFD, FD_CLOEXEC) == -1) {
        upload.status = errno == EMFILE || errno == ENFILE ? 503 : 500;
        report_failure("mkstemp", NULL, NULL, name);
        return upload;
    }
    return upload;
}

/* Adds bytes to the file, unless the upload has already failed. */
static void keep(struct upload *upload, const char *bytes, size_t length) {
    if (upload->status == 0
        && upload->length + (long long)length > MOST_UPLOAD)
        upload->status = 413;
    while (upload->status == 0 && length > 0) {
        ssize_t written = write(upload->fd, bytes, length);
        if (written == -1 && errno != EINTR) {
            report_failure("write", NULL, NULL, "the body of a request");
            upload->status = 500;
        } else if (written > 0) {
            upload->length += written;
            bytes += written;
            length -= (size_t)written;
        }
    }
}

size_t keep_body(struct upload *upload, struct body *body, const char *bytes,
                 size_t length) {
    size_t at = 0;

    while (at < length && body->state != NONE && body->state != BROKEN) {
        bool content = body->state == LENGTH || body->state == DATA;
        size_t piece = content ? length - at : 1;
        if (content && piece > body->left)
            piece = (size_t)body->left;
        if (content)
            keep(upload, bytes + at, piece);
        at += skip_body(body, bytes + at, piece);
    }
    return at;
}

void close_upload(struct upload *upload) {
    if (upload->fd != -1)
        close(upload->fd);
    upload->fd = -1;
}
