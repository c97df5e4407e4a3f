/*
 * The file behind a path.
 * SPDX-License-Identifier: 0BSD
 */
#include "posix.h"

#include "file.h"

#include "content.h"
#include "status.h"
#include "tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LARGEST 1048576  /* in bytes: no larger file is cached */

/* Returns a file for a descriptor; on failure closes it, sets errno and returns
   NULL. */
static struct file *make_file(const char *name, int fd,
                              const struct stat *status) {
    struct file *file = new_file(name);
    int saved = errno;

    if (file == NULL) {
        close(fd);
        errno = saved;
        return NULL;
    }
    file->status = *status;
    file->fd = fd;
    file->root = root_length();
    bool small = status->st_size <= SMALL
                 || (status->st_size <= LARGEST && is_settled(status)
                     && make_room((size_t)status->st_size));
    if (small && !read_content(file)) {
        saved = errno;
        free_file(file);
        errno = saved;
        return NULL;
    }
    return file;
}

/* Sets the validators: RFC 9110, 8.8. A time in the future is replaced by the
   current time, as 8.8.2.1 requires. The tag includes a hash of the content,
   because two changes can have the same time, and a write through mmap(2) might
   not update the time. */
static void add_validators(struct file *file) {
    const struct stat *status = &file->status;
    size_t size = (size_t)status->st_size;
    time_t now = time(NULL);

    write_date(file->modified,
               status->st_mtime < now ? status->st_mtime : now);
    snprintf(file->tag, sizeof file->tag, "\"%llx-%llx-%llx.%lx-%llx\"",
             (unsigned long long)status->st_ino,
             (unsigned long long)status->st_size,
             (unsigned long long)status->st_ctim.tv_sec,
             (unsigned long)status->st_ctim.tv_nsec,
             file->content == NULL ? 0 : hash_of(file->content, size));
}

/* Begins a listing of an open directory. */
static int find_list(int directory, char *name, struct list **list) {
    int fd = open_list(directory);

    if (fd == -1)
        return status_of_error("openat", name);
    strrchr(name, '/')[1] = '\0';  /* in place of index.html */
    *list = begin_list(fd, name + root_length());
    return *list == NULL ? status_of_error("fdopendir", name) : 0;
}

/* Opens a file that is not in the cache, or begins a list. */
static int open_uncached(char *name, bool directory, struct file **file,
                         struct list **list) {
    struct stat status;
    int parent = open_parent(name), result = 200;

    if (parent == -1)
        return status_of_error("openat", name);
    int fd = open_file(parent, strrchr(name, '/') + 1, &status);
    if (fd == -1 && directory && (errno == ENOENT || errno == EISDIR))
        result = find_list(parent, name, list);
    else if (fd == -1)
        result = errno == EISDIR ? 301 : status_of_error("openat", name);
    close(parent);
    if (fd == -1)
        return result;
    *file = make_file(name, fd, &status);
    if (*file == NULL)
        return status_of_error("pread", name);
    clear_failure();
    (*file)->users = 1;
    add_validators(*file);
    add_to_cache(*file);
    if ((*file)->cached && (*file)->content != NULL && status.st_size > SMALL)
        move_content(*file);
    return 200;
}

int find_file(const char *path, struct file **file, struct list **list) {
    static char name[MAX_NAME];
    bool directory;
    size_t length = write_name(path, name, &directory);

    if (length == 0)
        return 404;
    *file = find_cached(name, length);
    if (*file != NULL)
        return 200;
    return open_uncached(name, directory, file, list);
}
