/*
 * The file behind a path: found component by component, so that nobody who
 * changes the tree meanwhile leads us astray.
 */
#include "posix.h"

#include "file.h"

#include "list.h"
#include "log.h"
#include "type.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SMALL 16384  /* bytes of the largest file that stays in memory */
#define MORE 1024     /* descriptors than clients may have */
#define LONGEST 4096  /* bytes of the name of the directory that is served */

static const char *root;
static bool told;  /* of the trouble that there is */

/* What a failed call means to who asked. */
static const struct refusal {
    const char *name;  /* NULL in the last row: for any other errno */
    int number;
    int status;
    const char *meaning;
} refusals[] = {
#define E(name) #name, (name)
    {E(EACCES),       403, "no permission to read it"},
    {E(EILSEQ),       404, "no name that this file system could have"},
    {E(EINVAL),       404, "no name that this file system could have"},
    {E(ELOOP),        404, "a symbolic link"},
    {E(EMLINK),       404, "a symbolic link, on some systems"},
    {E(EMFILE),       503, "this process has no descriptor left"},
    {E(ENAMETOOLONG), 404, "the name is too long"},
    {E(ENFILE),       503, "the whole system has no descriptor left"},
    {E(ENOENT),       404, "it is not there"},
    {E(ENOMEM),       503, "out of memory"},
    {E(ENOTDIR),      404, "a part of its name is no directory"},
    {E(ENXIO),        404, "nothing that can be opened"},
    {NULL, 0, 500, NULL},
};

/* Returns the status to answer with when a call has failed. What is not the
   fault of who asked is told as well, once until something succeeds. */
static int status_of_error(const char *call, const char *name) {
    const struct refusal *refusal = refusals;
    int number = errno;

    while (refusal->name != NULL && refusal->number != number)
        refusal++;
    if (refusal->status >= 500 && !told) {
        errno = number;
        told = tell(call, refusal->name, refusal->meaning, name);
    }
    return refusal->status;
}

/* ---------------------------------------------------------- from the system */

/* Opens what is in a directory if it is a file or a directory: a device or a
   FIFO could make us wait. Returns the descriptor, or -1. */
static int open_in(int directory, const char *name, int flags) {
    struct stat status;

    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == -1)
        return -1;
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
        errno = ENOENT;
        return -1;
    }
    flags |= O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    int descriptor;
    do {
        descriptor = openat(directory, name, flags);
    } while (descriptor == -1 && errno == EINTR);
    return descriptor;
}

/* Closes a descriptor, and leaves errno as it is. */
static void close_quietly(int descriptor) {
    int saved = errno;

    close(descriptor);
    errno = saved;
}

/* Opens the directory that a name's last component is in, by way of all those
   above it. Returns the descriptor, or -1. */
static int open_parent(char *name) {
    int directory = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char *component = name + strlen(root) + 1, *slash;

    while (directory != -1 && (slash = strchr(component, '/')) != NULL) {
        *slash = '\0';
        int next = open_in(directory, component, O_DIRECTORY);
        *slash = '/';
        close_quietly(directory);
        directory = next;
        component = slash + 1;
    }
    return directory;
}

/* Reads all of a file. If it has become shorter meanwhile, so be it. */
static bool read_content(struct file *file) {
    size_t size = (size_t)file->status.st_size, end = 0;
    ssize_t count = 1;

    file->content = malloc(size + 1);
    while (file->content != NULL && count > 0 && end < size) {
        count = pread(file->fd, file->content + end, size - end,
                      (off_t)end);
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

/* Makes a file of a descriptor, or closes it. Returns NULL if that fails. */
static struct file *make_file(const char *name, int descriptor,
                              const struct stat *status) {
    struct file *file = calloc(1, sizeof *file + strlen(name) + 1);

    if (file == NULL) {
        close_quietly(descriptor);
        return NULL;
    }
    file->status = *status;
    file->type = type_of(name);
    file->fd = descriptor;
    file->root = strlen(root);
    strcpy(file->name, name);
    if (status->st_size <= SMALL && !read_content(file)) {
        int saved = errno;
        free_file(file);
        errno = saved;
        return NULL;
    }
    return file;
}

/* Returns a number that another content would hardly have (FNV-1a): two
   changes of a file may have the same time. 0 for what is not in memory. */
static unsigned long long hash_of(const struct file *file) {
    unsigned long long hash = 0xcbf29ce484222325;

    if (file->content == NULL)
        return 0;
    for (long long at = 0; at < file->status.st_size; at++)
        hash = (hash ^ (unsigned char)file->content[at]) * 0x100000001b3;
    return hash;
}

/* Notes what the next request can be compared with: RFC 9110, 8.8. */
static void add_validators(struct file *file) {
    const struct stat *status = &file->status;
    time_t now = time(NULL);

    write_date(file->modified,
               status->st_mtime < now ? status->st_mtime : now);
    snprintf(file->tag, sizeof file->tag, "\"%llx-%llx-%llx.%lx-%llx\"",
             (unsigned long long)status->st_ino,
             (unsigned long long)status->st_size,
             (unsigned long long)status->st_ctim.tv_sec,
             (unsigned long)status->st_ctim.tv_nsec, hash_of(file));
}

/* Opens a regular file. Returns the descriptor, or -1. */
static int open_file(int directory, const char *name, struct stat *status) {
    int descriptor = open_in(directory, name, 0);

    if (descriptor == -1)
        return -1;
    if (fstat(descriptor, status) == -1) {
        close_quietly(descriptor);
        return -1;
    }
    if (!S_ISREG(status->st_mode)) {
        close(descriptor);
        errno = S_ISDIR(status->st_mode) ? EISDIR : ENOENT;
        return -1;
    }
    return descriptor;
}

/* Makes a file of the list of what is in a directory, which it closes. */
static int find_list(int directory, const char *path, struct file **file) {
    struct stat status;
    int descriptor = list_directory(directory, path);

    if (descriptor != -1 && fstat(descriptor, &status) == 0)
        *file = make_file("list.html", descriptor, &status);
    else if (descriptor != -1)
        close_quietly(descriptor);
    if (*file == NULL)
        return status_of_error("readdir", path);
    told = false;
    (*file)->users = 1;
    return 200;
}

/* -------------------------------------------------------------- by its path */

bool serve_directory(const char *name, const char *program) {
    static char beside[LONGEST];
    const char *slash = strrchr(program, '/');
    int length = slash == NULL ? 0 : (int)(slash + 1 - program);

    snprintf(beside, sizeof beside, "%.*swww", length, program);
    root = name != NULL ? name : beside;
    int directory = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory == -1) {
        tell("open", NULL, NULL, root);
        return false;
    }
    close(directory);
    return true;
}

/* Writes the name of what a path asks for. Returns false if nothing can have
   it: a component that begins with a dot is hidden, or leads elsewhere. */
static bool make_name(const char *path, char *name) {
    char *end = stpcpy(name, root);

    for (;;) {
        path += strspn(path, "/");
        *end++ = '/';
        size_t length = strcspn(path, "/");
        if (length == 0) {
            strcpy(end, "index.html");
            return true;
        }
        if (*path == '.')
            return false;
        memcpy(end, path, length);
        end += length;
        path += length;
        if (*path == '\0') {
            *end = '\0';
            return true;
        }
    }
}

/* Finds a file in the system. */
static int find_anew(char *name, const char *path, struct file **file) {
    bool directory = path[strlen(path) - 1] == '/';
    struct stat status;
    int parent = open_parent(name);

    if (parent == -1)
        return status_of_error("openat", name);
    int descriptor = open_file(parent, strrchr(name, '/') + 1, &status);
    if (descriptor == -1 && directory && (errno == ENOENT || errno == EISDIR))
        return find_list(parent, path, file);
    close_quietly(parent);
    if (descriptor == -1)
        return errno == EISDIR ? 301 : status_of_error("openat", name);
    *file = make_file(name, descriptor, &status);
    if (*file == NULL)
        return status_of_error("pread", name);
    told = false;
    (*file)->users = 1;
    add_validators(*file);
    add_to_cache(*file);
    return 200;
}

int find_file(const char *path, struct file **file) {
    static char name[LONGEST + MAX_TARGET + sizeof "/index.html"];
    struct rlimit clients, files;

    if (!make_name(path, name))
        return 404;
    *file = look_up(name);
    if (*file != NULL)
        return 200;
    if (getrlimit(RLIMIT_NOFILE, &clients) == -1)
        return status_of_error("getrlimit", name);
    files = clients;  /* who may have taken all of theirs */
    files.rlim_cur += MORE;
    if (files.rlim_cur > files.rlim_max)
        files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) == -1)
        return status_of_error("setrlimit", name);
    int status = find_anew(name, path, file);
    if (setrlimit(RLIMIT_NOFILE, &clients) == -1)
        tell("setrlimit", NULL, NULL, name);
    return status;
}
