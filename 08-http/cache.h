/*
 * Files in memory: those that are being sent, and those that are kept for the
 * next request.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef CACHE_H
#define CACHE_H

#include "date.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct file {
    struct stat status;        /* as it was when the file was opened */
    const char *type;          /* the value of Content-Type */
    char modified[DATE_SIZE];  /* of Last-Modified, or empty */
    char tag[96];              /* of ETag, or empty */
    char fields[384];          /* of a response with the whole file */
    size_t fields_length;      /* 0 before the first such response */
    char *content;             /* all of a small file; if it is NULL, ... */
    int fd;                    /* ... read it from here; otherwise -1 */
    bool copied;               /* fd is a copy in memory: see content.h */
    int users;                 /* how many responses are being sent from it */
    bool cached;
    bool counted;              /* as part of the cache's memory */
    struct file *next;         /* in its bucket of the cache */
    struct file *newer, *older;  /* by their last use */
    unsigned long long turn;   /* in which it was last known to be current */
    long long read;            /* when its content was read, in milliseconds */
    size_t root;               /* length of the root, which may be a link */
    char name[];               /* the root, and the path below it */
};

/*
 * Begins a turn, in which each file is checked for changes at most once. All
 * requests of a turn were received before that check, so one check is as good
 * as one for each request. A request received later needs a new turn.
 */
void begin_turn(void);

/* Returns a new file, for the caller to fill and to free or release, or NULL if
   there is no memory. */
struct file *new_file(const char *name);

/*
 * Returns the cached file of that name and adds a user to it, or NULL if there
 * is none, it has changed, or the name now stands for another file. length
 * excludes the NUL of the name. A program that writes through a mapping (mmap)
 * may change neither the size nor the times of a file: such a change is noticed
 * within a tenth of a second.
 */
struct file *find_cached(const char *name, size_t length);

/* Returns a hash of a name or of content (FNV-1a, eight bytes at a time). */
unsigned long long hash_of(const char *bytes, size_t size);

/* Returns whether a file last changed so long ago that its next change will
   have a different time. Only then can it be cached. */
bool is_settled(const struct stat *status);

/* Frees the least recently used files until there is room for size bytes.
   Returns false if the files in use leave too little room. */
bool make_room(size_t size);

/* Adds a file to the cache, if it is settled and there is room. */
void add_to_cache(struct file *file);

/* Ends one use of a file. */
void release_file(struct file *file);

/* Frees a file, unless it is cached or in use. */
void free_file(struct file *file);

void empty_cache(void);

#endif
