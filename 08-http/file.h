/*
 * The file behind a path.
 */
#ifndef FILE_H
#define FILE_H

#include "date.h"

#include <stdbool.h>
#include <sys/stat.h>

/* A file that is sent to somebody, or could be again. */
struct file {
    struct stat status;         /* it was like this when it was opened */
    const char *type;           /* the value of Content-Type */
    char modified[DATE_SIZE];   /* of Last-Modified; empty: there is none */
    char tag[96];               /* of ETag */
    char *content;              /* all of a small file; NULL: read it from */
    int descriptor;             /* here, or -1 */
    unsigned long long turn;    /* in which it was last known to be current */
    int users;                  /* how many are sending it */
    bool kept;                  /* for the next who ask for it */
    size_t root;                /* bytes of the name that may be a link's */
    char name[];                /* from the directory that is served on */
};

/* Chooses the directory that is served, by a name that has to remain valid;
   NULL: www beside the program. Returns false, with a message, if it cannot be
   read. */
bool serve_directory(const char *name, const char *program);

/*
 * Finds what is to be sent for a decoded path: a file, index.html for a
 * directory, or else a list of what is there. It never lies outside of the
 * directory that is served nor behind a symbolic link, it is never hidden by
 * a dot, and it is as it is now, no matter when it was last asked for.
 *
 * Returns the status of the answer: 200 with the file, which has to be
 * released; 301 if a slash is missing at the end; 403, 404, 500 or 503.
 */
int find_file(const char *path, struct file **file);

/* Writes a page that names what is in a directory, into a file that vanishes
   when it is closed. Closes the directory. Returns the descriptor, or -1. */
int list_directory(int directory, const char *path);

#endif
