/*
 * The cache of files, by name.
 */
#include "posix.h"

#include "cache.h"

#include "type.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PLACES 64  /* each for one file; at most 1 MB in all */
#define SETTLED 2  /* seconds; no file system has a coarser clock */
#define REREAD 100  /* milliseconds after which content is read again */

static struct file *cache[PLACES];
static unsigned long long turn;

void begin_turn(void) {
    turn++;
}

static long long milliseconds(void) {
    struct timespec reading;

    clock_gettime(CLOCK_MONOTONIC, &reading);
    return reading.tv_sec * 1000LL + reading.tv_nsec / 1000000;
}

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

static struct file **place_of(const char *name) {
    unsigned long hash = 5381;

    while (*name != '\0')
        hash = hash * 33 ^ (unsigned char)*name++;
    return &cache[hash % PLACES];
}

void free_file(struct file *file) {
    if (file->cached || file->users > 0)
        return;
    if (file->fd != -1)
        close(file->fd);
    free(file->content);
    free(file);
}

static void remove_from(struct file **place) {
    struct file *file = *place;

    *place = NULL;
    if (file != NULL) {
        file->cached = false;
        free_file(file);
    }
}

void empty_cache(void) {
    for (int i = 0; i < PLACES; i++)
        remove_from(&cache[i]);
}

void release_file(struct file *file) {
    file->users--;
    if (file->users == 0 && file->cached && file->content == NULL)
        remove_from(place_of(file->name));
    else
        free_file(file);
}

static bool same_time(struct timespec one, struct timespec other) {
    return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
}

/* Returns whether a file is still what its name stands for, and unchanged. That
   takes a call for each component of the name, but only once a turn. */
static bool is_current(struct file *file) {
    struct stat status;
    char *slash = file->name + file->root;

    if (file->turn == turn)
        return true;
    if (file->content != NULL && milliseconds() - file->read >= REREAD)
        return false;
    while ((slash = strchr(slash + 1, '/')) != NULL) {
        *slash = '\0';
        int result = lstat(file->name, &status);
        *slash = '/';
        if (result == -1 || !S_ISDIR(status.st_mode))
            return false;
    }
    if (lstat(file->name, &status) == -1
        || status.st_dev != file->status.st_dev
        || status.st_ino != file->status.st_ino
        || status.st_size != file->status.st_size
        || !same_time(status.st_ctim, file->status.st_ctim)
        || !same_time(status.st_mtim, file->status.st_mtim))
        return false;
    file->turn = turn;
    return true;
}

struct file *look_up(const char *name) {
    struct file *file = *place_of(name);

    if (file == NULL || strcmp(file->name, name) != 0 || !is_current(file))
        return NULL;
    file->users++;
    return file;
}

void add_to_cache(struct file *file) {
    struct file **place = place_of(file->name);
    time_t settled = time(NULL) - SETTLED;

    if (file->status.st_ctim.tv_sec >= settled
        || file->status.st_mtim.tv_sec >= settled)
        return;
    remove_from(place);
    file->cached = true;
    file->turn = turn;
    *place = file;
}
