/*
 * Files in memory: those that are being sent, and those that are kept for the
 * next request.
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
    char modified[DATE_SIZE];  /* of Last-Modified; empty: none */
    char tag[96];              /* of ETag; empty: none */
    char *content;             /* all of a small file; NULL: read it from ... */
    int fd;                    /* ... this descriptor; -1: it is in memory */
    int users;                 /* how many responses are being sent from it */
    bool cached;
    bool counted;              /* in what the cache may take of the memory */
    struct file *next;         /* in its bucket of the cache */
    struct file *newer, *older;  /* by their last use */
    unsigned long long turn;   /* in which it was last known to be current */
    long long read;            /* when its content was read, in milliseconds */
    size_t root;               /* bytes of the name that may be a link's */
    char name[];               /* beginning with the directory served */
};

/*
 * Begins a turn, in which one check per file is enough. All requests of a turn
 * were waiting before the check was made, so none of them can tell it from a
 * check of its own. A request that may have arrived later needs a new turn.
 */
void begin_turn(void);

/* Returns a file without content, to be filled in, and freed or released; NULL
   without memory. */
struct file *new_file(const char *name);

/*
 * Returns the cached file of that name, with one more user, if the name still
 * stands for that very file and the file has not changed; else NULL. A program
 * that writes to a file by way of a mapping (mmap) may change neither its size
 * nor its times: such a change is seen a tenth of a second later at most.
 */
struct file *look_up(const char *name);

/* Returns whether a file last changed so long ago that its next change will
   have another time. Only then can it be cached. */
bool is_settled(const struct stat *status);

/* Frees the least recently used files until there is room for so many bytes.
   Returns false if files in use leave too little. */
bool make_room(size_t size);

/* Adds a file to the cache, if it is settled and there is room. */
void add_to_cache(struct file *file);

/* Ends the use of a file. */
void release_file(struct file *file);

/* Frees a file, unless it is cached or in use. */
void free_file(struct file *file);

void empty_cache(void);

#endif
