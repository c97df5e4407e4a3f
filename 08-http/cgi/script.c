/*
 * The program behind a path. As in tree.c, nothing that is hidden is served,
 * and no symbolic link is followed.
 * SPDX-License-Identifier: 0BSD
 */
#ifdef __linux__
#define _GNU_SOURCE  /* for realpath */
#endif
#include "posix.h"

#include "script.h"

#include "log.h"
#include "process.h"
#include "status.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "/cgi"  /* of the paths that are for scripts */

static char *scripts;   /* the name of the folder or file; NULL: none */
static bool is_folder;  /* which of the two it is */

/* Hides inherited descriptors from the scripts. For numbers that are not open
   the call fails, which does no harm. */
static void hide_descriptors(void) {
    long last = sysconf(_SC_OPEN_MAX);

    for (int fd = STDERR_FILENO + 1; fd < last && fd < 65536; fd++)
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

bool serve_scripts(const char *name) {
    struct stat status;

    hide_descriptors();
    free(scripts);
    scripts = realpath(name, NULL);
    if (scripts != NULL && strlen(scripts) < MAX_ROOT
        && stat(scripts, &status) == 0) {
        is_folder = S_ISDIR(status.st_mode);
        return true;
    }
    report_failure("realpath", NULL, NULL, name);
    return false;
}

bool prepare_scripts(void) {
    return scripts == NULL || open_empty_file();
}

/* Returns whether a path is the prefix, or below it. */
static bool has_prefix(const char *path) {
    size_t length = strlen(PREFIX);

    return strncmp(path, PREFIX, length) == 0
           && (path[length] == '/' || path[length] == '\0');
}

bool is_for_script(const struct request *request) {
    static char name[MAX_NAME];
    bool directory;

    if (scripts == NULL || request->target.length == 0
        || *request->target.start != '/')
        return false;  /* CONNECT, or OPTIONS *: the path is not set */
    return has_prefix(request->path)
           || (write_name(request->path, name, &directory)
               && has_prefix(name + root_length()));
}

/* Returns 0, or an error status if no program can answer this method. */
static int check_method(const struct request *request) {
    struct text rest = request->line;

    if (request->method == UNKNOWN)
        return 501;
    return is_word(take_until(&rest, ' '), "TRACE") ? 405 : 0;
}

/* Returns whether a path has a segment "..". */
static bool leads_up(const char *path) {
    for (; (path = strstr(path, "/..")) != NULL; path++)
        if (path[3] == '/' || path[3] == '\0')
            return true;
    return false;
}

/* Examines the file with the script's name. Returns 0 for a script, or the
   status of the response: 301 for a directory. */
static int examine(struct script *script) {
    struct stat status;

    if (lstat(script->name, &status) == -1)
        return status_of_error("lstat", script->name);
    if (S_ISDIR(status.st_mode))
        return 301;
    script->worker = S_ISSOCK(status.st_mode);  /* connect checks the rest */
    if (!script->worker && !S_ISREG(status.st_mode))
        return 404;
    if (!script->worker && access(script->name, X_OK) == -1)
        return status_of_error("access", script->name);
    script->folder = (size_t)(strrchr(script->name, '/') - script->name);
    return 0;
}

int find_script(const struct request *request, struct script *script) {
    const char *path = request->path;
    int status = check_method(request);

    if (status != 0)
        return status;
    if (!has_prefix(path) || leads_up(path))
        return 404;
    char *end = stpcpy(script->name, scripts);
    script->length = strlen(PREFIX);
    status = is_folder ? 301 : examine(script);
    while (status == 301) {
        const char *segment = path + script->length;
        size_t length = *segment == '/' ? 1 + strcspn(segment + 1, "/") : 0;
        if (length < 2 || segment[1] == '.')
            return 404;
        memcpy(end, segment, length);
        end += length;
        *end = '\0';
        script->length += length;
        status = examine(script);
    }
    return status;
}
