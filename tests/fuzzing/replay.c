/*
 * Checks inputs from files with all targets; this needs no fuzzer. If a file's
 * name begins with a status, as in 400-no-host, the last response must have
 * that status; 000 means that the request is incomplete.
 */
#define _POSIX_C_SOURCE 200809L

#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 65536  /* bytes of an input */

/* Returns the status that a name begins with, or -1. */
static int expected(const char *path) {
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;

    if (strspn(name, "0123456789") != 3 || name[3] != '-')
        return -1;
    return (int)strtol(name, NULL, 10);
}

/* Reads a file into memory of exactly its size, so that a sanitizer detects a
   read past its end. Returns NULL, after a message, on failure. */
static char *read_file(const char *path, size_t *length) {
    static char buffer[MOST];
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        perror(path);
        return NULL;
    }
    *length = fread(buffer, 1, sizeof buffer, file);
    fclose(file);
    char *bytes = malloc(*length + (*length == 0));
    if (bytes == NULL)
        perror("malloc");
    else
        memcpy(bytes, buffer, *length);
    return bytes;
}

/* Prints the name of each input before checking it: if the program aborts, the
   last name is that of the culprit. */
int main(int count, char **paths) {
    for (int i = 1; i < count; i++) {
        size_t length = 0;
        char *bytes = read_file(paths[i], &length);
        if (bytes == NULL)
            return 2;
        printf("%s\n", paths[i]);
        fflush(stdout);
        check_parsers(bytes, length);
        check_clients(bytes, length);
        int status = check_answers(bytes, length);
        free(bytes);
        if (expected(paths[i]) != -1 && status != expected(paths[i])) {
            fprintf(stderr, "failed: the name says status %03d, but the "
                            "response has %03d\n",
                    expected(paths[i]), status);
            return 1;
        }
    }
    return 0;
}
