/*
 * The status of the response when a file system call has failed.
 * SPDX-License-Identifier: 0BSD
 */
#include "posix.h"

#include "status.h"

#include "log.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

static const struct refusal {
    const char *name;  /* NULL in the last row: for any other errno */
    int number;
    int status;
    const char *meaning;
} refusals[] = {
#define E(name) #name, (name)
    {E(EACCES),       403, "no permission to read it"},
    {E(EAGAIN),       503, "another program holds a lease on it"},
    {E(EWOULDBLOCK),  503, "another program holds a lease on it"},
    {E(EILSEQ),       404, "not a valid name on this file system"},
    {E(EINVAL),       404, "not a valid name on this file system"},
    {E(ELOOP),        404, "a symbolic link"},
    {E(EMLINK),       404, "a symbolic link, on some systems"},
    {E(EMFILE),       503, "this process has no descriptor left"},
    {E(ENAMETOOLONG), 404, "the name is too long"},
    {E(ENFILE),       503, "the whole system has no descriptor left"},
    {E(ENOENT),       404, "it is not there"},
    {E(ENOMEM),       503, "out of memory"},
    {E(ENOTDIR),      404, "part of its name is not a directory"},
    {E(ENXIO),        404, "nothing that can be opened"},
    {NULL, 0, 500, NULL},
};

static bool reported;

int status_of_error(const char *call, const char *name) {
    const struct refusal *refusal = refusals;
    int number = errno;

    while (refusal->name != NULL && refusal->number != number)
        refusal++;
    if (refusal->status >= 500 && !reported) {
        errno = number;
        reported = report_failure(call, refusal->name, refusal->meaning, name);
    }
    return refusal->status;
}

void clear_failure(void) {
    reported = false;
}
