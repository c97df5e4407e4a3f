/*
 * The directory tree being served: names of files in it, and opening them.
 * SPDX-License-Identifier: 0BSD
 */
#ifdef __linux__
#define _GNU_SOURCE  /* for O_PATH */
#endif
#include "posix.h"

#include "tree.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Opening a file requires permission to search its directory (x), not to read
   the directory (r). POSIX has O_SEARCH for that, Linux O_PATH. */
#if defined O_SEARCH
#define WALK (O_SEARCH | O_DIRECTORY | O_CLOEXEC)
#elif defined O_PATH
#define WALK (O_PATH | O_DIRECTORY | O_CLOEXEC)
#else
#define WALK (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#endif

#define MORE 1024  /* descriptors for files, above the limit for clients */

static const char *root;
static size_t length_of_root;

/* -------------------------------------------------------------------- root */

/* Looks for the program in the directories of PATH, as the shell does. Returns
   its path with all links resolved, to be freed, or NULL. */
static char *find_in_path(const char *program) {
    const char *path = getenv("PATH");
    char name[MAX_ROOT];

    while (path != NULL) {
        int length = (int)strcspn(path, ":");
        snprintf(name, sizeof name, "%.*s%s%s", length, path,
                 length > 0 ? "/" : "./", program);
        if (access(name, X_OK) == 0)
            return realpath(name, NULL);
        path = path[length] == ':' ? path + length + 1 : NULL;
    }
    return NULL;
}

/* Returns the path of the program's file with all links resolved, to be freed,
   or NULL. Only Linux has /proc/self/exe: proc(5). */
static char *find_program(const char *program) {
    char *found = realpath("/proc/self/exe", NULL);

    if (found != NULL)
        return found;
    if (strchr(program, '/') != NULL)
        return realpath(program, NULL);
    return find_in_path(program);
}

/* Returns the name of www beside the program. */
static const char *find_www(const char *program) {
    static char www[MAX_ROOT] = "www beside the program";
    char *found = find_program(program);

    if (found == NULL)
        return www;
    int length = (int)(strrchr(found, '/') - found);
    snprintf(www, sizeof www, "%.*s/www", length, found);
    free(found);
    return www;
}

bool serve_directory(const char *name, const char *program) {
    root = name != NULL ? name : find_www(program);
    length_of_root = strlen(root);
    int directory = open(root, WALK);
    int inside = directory == -1 ? -1 : openat(directory, ".", WALK);

    if (inside == -1)
        report_failure("open", NULL, NULL, root);
    else
        close(inside);
    if (directory != -1)
        close(directory);
    return inside != -1;
}

size_t root_length(void) {
    return length_of_root;
}

/* ------------------------------------------------------------------- names */

static bool is_segment(const char *segment, size_t length, const char *word) {
    return length == strlen(word) && memcmp(segment, word, length) == 0;
}

static bool is_well_known(const char *segment, size_t length, bool at_top) {
    return at_top && is_segment(segment, length, ".well-known");
}

size_t write_name(const char *path, char name[MAX_NAME], bool *directory) {
    char *top = name + length_of_root, *end = top;

    if (*path != '/')
        return 0;
    memcpy(name, root, length_of_root);
    do {
        path++;
        size_t length = strcspn(path, "/");
        *directory = true;
        if (is_segment(path, length, "..")) {
            if (end == top)
                return 0;
            while (*--end != '/')
                continue;
        } else if (length > 0 && !is_segment(path, length, ".")) {
            if (*path == '.' && !is_well_known(path, length, end == top))
                return 0;
            *end++ = '/';
            memcpy(end, path, length);
            end += length;
            *directory = false;
        }
        path += length;
    } while (*path != '\0');
    if (*directory)
        end = stpcpy(end, "/index.html");
    *end = '\0';
    return (size_t)(end - name);
}

/* ----------------------------------------------------------------- opening */

/* Closes a descriptor and leaves errno as it is. */
static void close_quietly(int fd) {
    int saved = errno;

    close(fd);
    errno = saved;
}

/* Raises the limit by which server.c keeps its clients' descriptors below
   FD_SETSIZE, since a file's descriptor is in no set. Stores the old limit,
   which the caller must restore. */
static bool raise_limit(struct rlimit *clients) {
    if (getrlimit(RLIMIT_NOFILE, clients) == -1)
        return false;
    struct rlimit files = *clients;
    files.rlim_cur += MORE;
    if (files.rlim_cur > files.rlim_max)
        files.rlim_cur = files.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &files) != -1;
}

/* Restores the limit, and leaves errno as it is. */
static void restore_limit(const struct rlimit *clients) {
    int saved = errno;

    if (setrlimit(RLIMIT_NOFILE, clients) == -1)
        report_failure("setrlimit", NULL, NULL, root);
    errno = saved;
}

int open_beyond_limit(int directory, const char *name, int flags) {
    struct rlimit clients;

    if (!raise_limit(&clients))
        return -1;
    int fd = openat(directory, name, flags, 0666);
    restore_limit(&clients);
    return fd;
}

int move_above_clients(int fd) {
    struct rlimit clients;
    int moved = -1;

    if (raise_limit(&clients)) {
        if (clients.rlim_max >= clients.rlim_cur + MORE)
            moved = fcntl(fd, F_DUPFD_CLOEXEC, (int)clients.rlim_cur);
        restore_limit(&clients);
    }
    close(fd);
    return moved;
}

/* Opens as openat(2) does, but never blocks, whether on a FIFO without a writer
   or on a file with a lease. Only the root itself may be a symbolic link. */
static int open_at(int directory, const char *name, int flags) {
    int fd;

    flags |= O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    flags |= directory == AT_FDCWD ? 0 : O_NOFOLLOW;
    do {
        fd = openat(directory, name, flags);
    } while (fd == -1 && errno == EINTR);
    if (fd == -1 && errno == EMFILE)
        fd = open_beyond_limit(directory, name, flags);
    return fd;
}

int open_parent(char *name) {
    int directory = open_at(AT_FDCWD, root, WALK);
    char *component = name + strlen(root) + 1, *slash;

    while (directory != -1 && (slash = strchr(component, '/')) != NULL) {
        *slash = '\0';
        int next = open_at(directory, component, WALK);
        *slash = '/';
        close_quietly(directory);
        directory = next;
        component = slash + 1;
    }
    return directory;
}

int open_file(int directory, const char *name, struct stat *status) {
    if (fstatat(directory, name, status, AT_SYMLINK_NOFOLLOW) == -1)
        return -1;
    if (!S_ISREG(status->st_mode)) {  /* just opening a device can affect it */
        errno = S_ISDIR(status->st_mode) ? EISDIR : ENOENT;
        return -1;
    }
    int fd = open_at(directory, name, O_RDONLY);
    if (fd == -1)
        return -1;
    if (fstat(fd, status) == -1) {
        close_quietly(fd);
        return -1;
    }
    if (!S_ISREG(status->st_mode)) {  /* it has been replaced meanwhile */
        close(fd);
        errno = S_ISDIR(status->st_mode) ? EISDIR : ENOENT;
        return -1;
    }
    return fd;
}

int open_list(int directory) {
    return open_at(directory, ".", O_RDONLY | O_DIRECTORY);
}
