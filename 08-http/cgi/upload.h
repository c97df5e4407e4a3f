/*
 * The body of a request in a temporary file, which has no name.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef UPLOAD_H
#define UPLOAD_H

#include "body.h"

#include <stddef.h>

#define MOST_UPLOAD (64LL << 20)  /* bytes */

struct upload {
    int fd;            /* of the file; -1: there is none, or it is not needed */
    long long length;  /* bytes in it */
    int status;        /* of the response if the body is not kept, else 0 */
};

/* Makes the file. If that fails, sets the status of the upload. */
struct upload open_upload(void);

/* Skips received bytes of the body as skip_body does, and keeps its content,
   decoded. Sets the status to 413 if it is too long. */
size_t keep_body(struct upload *upload, struct body *body, const char *bytes,
                 size_t length);

/* Closes the file, and so removes it. */
void close_upload(struct upload *upload);

#endif
