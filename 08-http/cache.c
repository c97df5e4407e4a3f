/*
 * The cache of files, by name.
 * SPDX-License-Identifier: 0BSD
 */
#include "posix.h"

#include "cache.h"

#include "type.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BUDGET (8 << 20)  /* bytes of memory for cached files, at most */
#define BUCKETS 4096      /* of the hash table: about one for each file */
#define SETTLED 2         /* seconds: FAT has the coarsest timestamps */
#define REREAD 100        /* milliseconds after which content is read again */

static struct file *buckets[BUCKETS];
static struct file *newest, *oldest;  /* by their last use */
static size_t in_memory;              /* bytes of files, cached or in use */
static unsigned long long turn;
static char checked[4096];     /* a directory checked in this turn, with ... */
static size_t checked_length;  /* ... all above it; 0 if there is none */

void begin_turn(void) {
    turn++;
    checked_length = 0;
}

static long long milliseconds(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* ------------------------------------------------------------------- files */

struct file *new_file(const char *name) {
    struct file *file = calloc(1, sizeof *file + strlen(name) + 1);

    if (file == NULL)
        return NULL;
    file->type = type_of(name);
    file->fd = -1;
    file->read = milliseconds();
    strcpy(file->name, name);
    return file;
}

static bool is_in_memory(const struct file *file) {
    return file->content != NULL || file->copied;
}

/* Returns roughly how much memory a file takes. */
static size_t cost_of(const struct file *file) {
    size_t content = is_in_memory(file) ? (size_t)file->status.st_size : 0;

    return sizeof *file + strlen(file->name) + content;
}

void free_file(struct file *file) {
    if (file->cached || file->users > 0)
        return;
    if (file->counted)
        in_memory -= cost_of(file);
    if (file->fd != -1)
        close(file->fd);
    free(file->content);
    free(file);
}

/* --------------------------------------------------- the table and the list */

static unsigned long long add_piece(unsigned long long hash,
                                    unsigned long long piece) {
    hash = (hash ^ piece) * 0x100000001b3;
    return hash ^ hash >> 32;  /* multiplying carries bits upwards only */
}

unsigned long long hash_of(const char *bytes, size_t size) {
    unsigned long long hash = 0xcbf29ce484222325, piece;

    for (; size >= sizeof piece; size -= sizeof piece) {
        memcpy(&piece, bytes, sizeof piece);
        hash = add_piece(hash, piece);
        bytes += sizeof piece;
    }
    piece = 0;
    memcpy(&piece, bytes, size);
    return add_piece(hash, piece);
}

static struct file **bucket_of(const char *name, size_t length) {
    return &buckets[hash_of(name, length) % BUCKETS];
}

/* Adds a file at the newest end of the list. */
static void link_newest(struct file *file) {
    file->newer = NULL;
    file->older = newest;
    if (newest != NULL)
        newest->newer = file;
    else
        oldest = file;
    newest = file;
}

static void unlink_file(struct file *file) {
    if (file->newer != NULL)
        file->newer->older = file->older;
    else
        newest = file->older;
    if (file->older != NULL)
        file->older->newer = file->newer;
    else
        oldest = file->newer;
}

static void remove_from_cache(struct file *file) {
    struct file **place = bucket_of(file->name, strlen(file->name));

    while (*place != file)
        place = &(*place)->next;
    *place = file->next;
    unlink_file(file);
    file->cached = false;
    free_file(file);
}

void empty_cache(void) {
    while (oldest != NULL)
        remove_from_cache(oldest);
}

bool make_room(size_t size) {
    struct file *file = oldest, *newer;

    for (; file != NULL && in_memory + size > BUDGET; file = newer) {
        newer = file->newer;
        if (file->users == 0)
            remove_from_cache(file);
    }
    return in_memory + size <= BUDGET;
}

void release_file(struct file *file) {
    file->users--;
    if (file->users == 0 && file->cached && !is_in_memory(file))
        remove_from_cache(file);
    else
        free_file(file);
}

/* --------------------------------------------------------------- freshness */

static bool same_time(struct timespec one, struct timespec other) {
    return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
}

static bool was_checked(const char *name, size_t length) {
    return length <= checked_length && memcmp(name, checked, length) == 0
           && (length == checked_length || checked[length] == '/');
}

/* Returns whether every component of a name between the root and the file is a
   directory and not a symbolic link: through a link, the name could still lead
   to the same file after it has been moved out of the tree. Files in one
   directory share the calls to lstat within a turn, and the busier the server
   is, the more requests share a turn. */
static bool has_directories(char *name, size_t root) {
    struct stat status;
    char *slash = name + root;

    while ((slash = strchr(slash + 1, '/')) != NULL) {
        size_t length = (size_t)(slash - name);
        if (was_checked(name, length))
            continue;
        *slash = '\0';
        int result = lstat(name, &status);
        *slash = '/';
        if (result == -1 || !S_ISDIR(status.st_mode))
            return false;
        if (length < sizeof checked) {
            memcpy(checked, name, length);
            checked_length = length;
        }
    }
    return true;
}

/* Returns whether the name still stands for this file, unchanged. */
static bool is_current(struct file *file) {
    struct stat status;

    if (file->turn == turn)
        return true;
    if (is_in_memory(file) && milliseconds() - file->read >= REREAD)
        return false;
    if (!has_directories(file->name, file->root)
        || lstat(file->name, &status) == -1
        || status.st_dev != file->status.st_dev
        || status.st_ino != file->status.st_ino
        || status.st_size != file->status.st_size
        || !same_time(status.st_ctim, file->status.st_ctim)
        || !same_time(status.st_mtim, file->status.st_mtim))
        return false;
    file->turn = turn;
    return true;
}

struct file *find_cached(const char *name, size_t length) {
    struct file *file = *bucket_of(name, length);

    while (file != NULL && strcmp(file->name, name) != 0)
        file = file->next;
    if (file == NULL)
        return NULL;
    if (!is_current(file)) {
        remove_from_cache(file);
        return NULL;
    }
    if (file != newest) {
        unlink_file(file);
        link_newest(file);
    }
    file->users++;
    return file;
}

bool is_settled(const struct stat *status) {
    time_t settled = time(NULL) - SETTLED;

    return status->st_ctime < settled && status->st_mtime < settled;
}

void add_to_cache(struct file *file) {
    struct file **bucket = bucket_of(file->name, strlen(file->name));

    if (!is_settled(&file->status) || !make_room(cost_of(file)))
        return;
    file->next = *bucket;
    *bucket = file;
    link_newest(file);
    file->cached = file->counted = true;
    file->turn = turn;
    in_memory += cost_of(file);
}
