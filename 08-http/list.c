/*
 * A page that lists a directory, made a portion at a time. The entries are kept
 * in a heap, which spreads the sorting over many calls: sorting them all at
 * once would block the other clients.
 */
#include "posix.h"

#include "list.h"

#include "page.h"
#include "status.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PORTION 64  /* entries read or written in one call: about 0.1 ms */

struct entry {
    long long size;   /* -1: a directory */
    time_t modified;
    char name[];      /* of a directory: with a slash */
};

struct list {
    DIR *directory;        /* NULL when all of it has been read */
    struct entry **heap;   /* the entry at n precedes 2n + 1 and 2n + 2 */
    size_t count, room;
    char *page;
    size_t length, page_room;
    const char *failed;    /* the call, or NULL */
    int error;             /* its errno */
    char path[];
};

static void fail(struct list *list, const char *call) {
    list->failed = call;
    list->error = errno;
}

/* -------------------------------------------------------------------- heap */

static bool comes_before(const struct entry *one, const struct entry *other) {
    return strcmp(one->name, other->name) < 0;
}

/* Puts an entry into the heap. */
static void push(struct list *list, struct entry *entry) {
    if (list->count == list->room) {
        size_t room = list->room * 2 + 32;
        /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
        struct entry **heap = realloc(list->heap, room * sizeof *heap);
        if (heap == NULL) {
            fail(list, "realloc");
            free(entry);
            return;
        }
        list->heap = heap;
        list->room = room;
    }
    size_t at = list->count++;
    while (at > 0 && comes_before(entry, list->heap[(at - 1) / 2])) {
        list->heap[at] = list->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    list->heap[at] = entry;
}

/* Takes the first entry out of the heap. */
static struct entry *pop(struct list *list) {
    struct entry **heap = list->heap, *first = heap[0];
    struct entry *last = heap[--list->count];
    size_t at = 0, next;

    while ((next = 2 * at + 1) < list->count) {
        if (next + 1 < list->count && comes_before(heap[next + 1], heap[next]))
            next++;
        if (!comes_before(heap[next], last))
            break;
        heap[at] = heap[next];
        at = next;
    }
    heap[at] = last;
    return first;
}

/* -------------------------------------------------------------------- page */

static void write_bytes(struct list *list, const char *bytes, size_t length) {
    if (list->length + length > list->page_room) {
        size_t room = list->page_room * 2 + length + 1024;
        char *page = realloc(list->page, room);
        if (page == NULL) {
            fail(list, "realloc");
            return;
        }
        list->page = page;
        list->page_room = room;
    }
    memcpy(list->page + list->length, bytes, length);
    list->length += length;
}

static void write_html(struct list *list, const char *html) {
    write_bytes(list, html, strlen(html));
}

static void write_text(struct list *list, const char *text) {
    char escape[sizeof "&#-128;"];

    for (; *text != '\0'; text++) {
        if (strchr("<>&\"'", *text) == NULL) {
            write_bytes(list, text, 1);
        } else {
            snprintf(escape, sizeof escape, "&#%d;", *text);
            write_html(list, escape);
        }
    }
}

/* Escapes all but the characters of RFC 3986, 2.3, and the slash. */
static void write_link(struct list *list, const char *text) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
    char escape[sizeof "%00"];

    for (; *text != '\0'; text++) {
        if (strchr(plain, *text) != NULL) {
            write_bytes(list, text, 1);
        } else {
            snprintf(escape, sizeof escape, "%%%02X", (unsigned char)*text);
            write_html(list, escape);
        }
    }
}

static void write_beginning(struct list *list) {
    write_html(list, PAGE_START "<title>");
    write_text(list, list->path);
    write_html(list, "</title>\n<style>td + td { padding-left: 2em; "
                     "text-align: right }</style>\n<h1>");
    write_text(list, list->path);
    write_html(list, "</h1>\n<table>\n");
    if (strcmp(list->path, "/") != 0)
        write_html(list, "<tr><td><a href=\"../\">../</a></td></tr>\n");
}

/* Writes an entry's name, size in bytes, and time in UTC. */
static void write_entry(struct list *list, const struct entry *entry) {
    char size[32] = "", date[32] = "";
    struct tm parts = {0};

    write_html(list, "<tr><td><a href=\"");
    write_link(list, entry->name);
    write_html(list, "\">");
    write_text(list, entry->name);
    write_html(list, "</a></td><td>");
    if (entry->size >= 0)
        snprintf(size, sizeof size, "%lld", entry->size);
    write_html(list, size);
    write_html(list, "</td><td>");
    if (gmtime_r(&entry->modified, &parts) != NULL)
        strftime(date, sizeof date, "%Y-%m-%d %H:%M", &parts);
    write_html(list, date);
    write_html(list, "</td></tr>\n");
}

/* ----------------------------------------------------------------- reading */

/* Adds an entry if it can be served: a file or directory that is not hidden. */
static void add_entry(struct list *list, const char *name) {
    struct stat status;
    size_t length = strlen(name);

    if (*name == '.'
        || fstatat(dirfd(list->directory), name, &status, AT_SYMLINK_NOFOLLOW)
               == -1
        || (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode)))
        return;
    struct entry *entry = malloc(sizeof *entry + length + sizeof "/");
    if (entry == NULL) {
        fail(list, "malloc");
        return;
    }
    entry->size = S_ISDIR(status.st_mode) ? -1 : status.st_size;
    entry->modified = status.st_mtime;
    strcpy(entry->name, name);
    strcpy(entry->name + length, S_ISDIR(status.st_mode) ? "/" : "");
    push(list, entry);
}

/* Reads one entry of the directory; after the last one, begins the page. */
static void read_entry(struct list *list) {
    errno = 0;
    const struct dirent *entry = readdir(list->directory);

    if (entry != NULL) {
        add_entry(list, entry->d_name);
    } else if (errno != 0) {
        fail(list, "readdir");
    } else {
        closedir(list->directory);
        list->directory = NULL;
        write_beginning(list);
    }
}

/* -------------------------------------------------------------------- list */

struct list *begin_list(int directory, const char *path) {
    struct list *list = calloc(1, sizeof *list + strlen(path) + 1);

    if (list != NULL) {
        strcpy(list->path, path);
        list->directory = fdopendir(directory);
        if (list->directory != NULL)
            return list;
    }
    int saved = errno;
    free(list);
    close(directory);
    errno = saved;
    return NULL;
}

void free_list(struct list *list) {
    if (list->directory != NULL)
        closedir(list->directory);
    while (list->count > 0)
        free(list->heap[--list->count]);
    free(list->heap);
    free(list->page);
    free(list);
}

/* Turns the page into a file, without copying it. */
static struct file *make_page(struct list *list) {
    struct file *page = new_file("list.html");

    if (page == NULL) {
        fail(list, "malloc");
        return NULL;
    }
    page->content = list->page;
    page->status.st_size = (off_t)list->length;
    page->users = 1;
    list->page = NULL;
    return page;
}

/* Reads an entry, or writes one, or ends the page. Returns false at the end and
   on failure. */
static bool advance(struct list *list, struct file **page) {
    if (list->directory != NULL) {
        read_entry(list);
    } else if (list->count > 0) {
        struct entry *entry = pop(list);
        write_entry(list, entry);
        free(entry);
    } else {
        write_html(list, "</table>\n");
        if (list->failed == NULL)
            *page = make_page(list);
        return false;
    }
    return list->failed == NULL;
}

int continue_list(struct list **list, struct file **page) {
    int status = 200;

    for (int i = 0; i < PORTION; i++) {
        if (advance(*list, page))
            continue;
        if ((*list)->failed != NULL) {
            errno = (*list)->error;
            status = status_of_error((*list)->failed, (*list)->path);
        } else {
            clear_failure();
        }
        free_list(*list);
        *list = NULL;
        return status;
    }
    return 0;
}
