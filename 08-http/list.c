/*
 * A page that names what is in a directory.
 */
#include "posix.h"

#include "list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct names {
    char **list;
    size_t count, room;
};

/* Adds a name, and a slash to a directory's. Returns false without memory. */
static bool add(struct names *names, const char *name, bool directory) {
    char *copy = malloc(strlen(name) + sizeof "/");

    if (names->count == names->room) {
        size_t room = names->room * 2 + 32;
        char **list = realloc(names->list, room * sizeof *list);
        if (list != NULL) {
            names->list = list;
            names->room = room;
        }
    }
    if (copy == NULL || names->count == names->room) {
        free(copy);
        return false;
    }
    strcat(strcpy(copy, name), directory ? "/" : "");
    names->list[names->count++] = copy;
    return true;
}

static void free_names(struct names *names) {
    while (names->count > 0)
        free(names->list[--names->count]);
    free(names->list);
}

/* Returns whether an entry is a file or a directory, and is not hidden. */
static bool is_listed(int directory, const char *name, bool *is_directory) {
    struct stat status;

    if (*name == '.'
        || fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == -1)
        return false;
    *is_directory = S_ISDIR(status.st_mode);
    return *is_directory || S_ISREG(status.st_mode);
}

/* Reads the names that are listed. Returns false if that fails. */
static bool read_names(DIR *directory, struct names *names) {
    const struct dirent *entry;
    bool is_directory;

    while ((errno = 0, entry = readdir(directory)) != NULL) {
        if (is_listed(dirfd(directory), entry->d_name, &is_directory)
            && !add(names, entry->d_name, is_directory))
            return false;
    }
    return errno == 0;
}

static int compare(const void *one, const void *other) {
    return strcmp(*(char *const *)one, *(char *const *)other);
}

static void print_text(FILE *page, const char *text) {
    for (; *text != '\0'; text++) {
        if (strchr("<>&\"'", *text) != NULL)
            fprintf(page, "&#%d;", *text);
        else
            putc(*text, page);
    }
}

/* RFC 3986, 2.3: only letters, digits and these stand for themselves. */
static void print_link(FILE *page, const char *text) {
    const char *plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789-._~/";

    for (; *text != '\0'; text++)
        fprintf(page, strchr(plain, *text) != NULL ? "%c" : "%%%02X",
                (unsigned char)*text);
}

static void print_page(FILE *page, const char *path,
                       const struct names *names) {
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n", page);
    fputs("<meta charset=\"utf-8\">\n<title>", page);
    print_text(page, path);
    fputs("</title>\n<h1>", page);
    print_text(page, path);
    fputs("</h1>\n<ul>\n", page);
    if (path[strspn(path, "/")] != '\0')
        fputs("<li><a href=\"../\">../</a></li>\n", page);
    for (size_t i = 0; i < names->count; i++) {
        fputs("<li><a href=\"", page);
        print_link(page, names->list[i]);
        fputs("\">", page);
        print_text(page, names->list[i]);
        fputs("</a></li>\n", page);
    }
    fputs("</ul>\n", page);
}

/* Puts the page into a file without a name. Returns a descriptor, or -1. */
static int write_page(const char *path, struct names *names) {
    FILE *page = tmpfile();
    int descriptor = -1;

    if (page == NULL)
        return -1;
    if (names->count > 0)
        qsort(names->list, names->count, sizeof *names->list, compare);
    print_page(page, path, names);
    if (fflush(page) == 0)
        descriptor = dup(fileno(page));
    int saved = errno;
    fclose(page);
    errno = saved;
    return descriptor;
}

int list_directory(int descriptor, const char *path) {
    DIR *directory = fdopendir(descriptor);
    struct names names = {0};
    int page = -1;

    if (directory == NULL) {
        close(descriptor);
        return -1;
    }
    if (read_names(directory, &names))
        page = write_page(path, &names);
    int saved = errno;
    free_names(&names);
    closedir(directory);
    errno = saved;
    return page;
}
