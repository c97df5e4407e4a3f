/*
 * The content of a file.
 * SPDX-License-Identifier: 0BSD
 */
#ifdef __linux__
#define _GNU_SOURCE  /* for memfd_create */
#endif
#include "posix.h"

#include "content.h"

#include "log.h"
#include "tree.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

bool read_content(struct file *file) {
    size_t size = (size_t)file->status.st_size, end = 0;
    ssize_t count = 1;

    file->content = malloc(size + 1);
    while (file->content != NULL && count > 0 && end < size) {
        count = pread(file->fd, file->content + end, size - end, (off_t)end);
        if (count == -1 && errno == EINTR)
            count = 1;
        else if (count > 0)
            end += (size_t)count;
    }
    if (file->content == NULL || count == -1)
        return false;
    file->status.st_size = (off_t)end;
    close(file->fd);
    file->fd = -1;
    return true;
}

#ifdef MFD_CLOEXEC  /* Linux, which can also send such a file: see server.c */
void move_content(struct file *file) {
    size_t size = (size_t)file->status.st_size, end = 0;
    ssize_t count = 1;
    int fd = memfd_create("content", MFD_CLOEXEC);

    if (fd != -1)
        fd = move_above_clients(fd);
    while (fd != -1 && count > 0 && end < size) {
        count = write(fd, file->content + end, size - end);
        if (count > 0)
            end += (size_t)count;
    }
    if (end == size) {
        free(file->content);
        file->content = NULL;
        file->fd = fd;
        file->copied = true;
    } else if (fd != -1) {
        close(fd);
    }
}
#else
void move_content(struct file *file) {
    (void)file;
}
#endif

struct iovec read_part(const struct file *file, long long start, void *buffer,
                       size_t size) {
    ssize_t count;

    if (file->content != NULL)
        return (struct iovec){file->content + start, size};
    do {
        count = pread(file->fd, buffer, size, (off_t)start);
    } while (count == -1 && errno == EINTR);
    if (count == -1)
        report_failure("pread", NULL, NULL, file->name);
    return (struct iovec){buffer, count == -1 ? 0 : (size_t)count};
}
