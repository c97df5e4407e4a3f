/*
 * A request that a program answers. The program starts only after the whole
 * body has been received. Otherwise the program and the client could each wait
 * for the other to read, and a slow upload would keep a process waiting.
 * SPDX-License-Identifier: 0BSD
 */
#include "posix.h"

#include "cgi.h"

#include "head.h"
#include "log.h"
#include "process.h"
#include "response.h"
#include "script.h"
#include "upload.h"
#include "variables.h"
#include "worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECE 65536             /* bytes read at a time: the size of a pipe */
#define MOST_DISCARDED 1048576  /* bytes of output that are discarded */

struct cgi {
    struct script script;
    struct upload upload;
    struct process *process;    /* or NULL */
    int output;                 /* what the program writes; -1: nothing more */
    struct progress progress;
    bool begun;                 /* the head of the response has been written */
    bool bodiless, chunked;     /* its body: absent, or in chunks */
    long long left;             /* bytes of the body to come, or -1 */
    char *head;                 /* the output's head so far, or NULL */
    size_t length;              /* of head, or of what has been discarded */
};

/* ------------------------------------------------------------------- begin */

int begin_cgi(struct cgi **cgi, const struct request *request) {
    struct cgi *new = malloc(sizeof *new);
    int status;

    if (new == NULL) {
        report_failure("malloc", NULL, NULL, request->path);
        return 503;
    }
    status = find_script(request, &new->script);
    if (status == 0 && request->length > MOST_UPLOAD)
        status = 413;
    if (status != 0) {
        free(new);
        return status;
    }
    memset(&new->upload, 0, sizeof *new - offsetof(struct cgi, upload));
    *cgi = new;
    (*cgi)->output = (*cgi)->upload.fd = -1;
    if (request->length > 0 || request->chunked)
        (*cgi)->upload = open_upload();
    return 0;
}

size_t take_body(struct cgi *cgi, struct body *body, const char *bytes,
                 size_t length) {
    size_t kept = keep_body(&cgi->upload, body, bytes, length);

    cgi->progress.status = cgi->upload.status;
    return kept;
}

/* --------------------------------------------------------------------- run */

/* Starts a script. Its output comes through a pipe. Returns 0 or a status. */
static int start_script(struct cgi *cgi, struct variables *variables) {
    int input = cgi->upload.fd != -1 ? cgi->upload.fd : empty_file();
    int output[2];
    int status = open_output(output);

    if (status != 0)
        return status;
    cgi->output = output[0];
    status = start_process(&cgi->process, &cgi->script, variables->names, input,
                           output[1]);
    close(output[1]);  /* the output ends once all copies are closed */
    return status;
}

/* Calls a worker. Returns 0 or a status. */
static int start_worker(struct cgi *cgi, const struct variables *variables) {
    int status = count_worker(&cgi->process, cgi->script.name);

    return status != 0 ? status
                       : call_worker(cgi->script.name, variables,
                                     cgi->upload.fd, &cgi->output);
}

int run_cgi(struct cgi *cgi, const struct request *request, int socket,
            const union address *peer) {
    static struct variables variables;
    union address local = *peer;
    socklen_t size = sizeof local;

    if (getsockname(socket, (struct sockaddr *)&local, &size) == -1)
        return status_of_failure("getsockname", cgi->script.name);
    set_variables(&variables, request, &cgi->script, cgi->upload.length, peer,
                  &local);
    if (cgi->upload.fd != -1 && lseek(cgi->upload.fd, 0, SEEK_SET) == -1)
        return status_of_failure("lseek", cgi->script.name);
    int status = cgi->script.worker ? start_worker(cgi, &variables)
                                    : start_script(cgi, &variables);
    close_upload(&cgi->upload);
    return status;
}

int output_of(const struct cgi *cgi) {
    return cgi == NULL ? -1 : cgi->output;
}

const struct progress *progress_of(const struct cgi *cgi) {
    return &cgi->progress;
}

/* --------------------------------------------------------------------- end */

static void close_output(struct cgi *cgi) {
    if (cgi->output != -1)
        close(cgi->output);
    cgi->output = -1;
}

/* Ends a complete response. The program may keep running. */
static void complete(struct cgi *cgi) {
    close_output(cgi);
    cgi->progress.over = true;
}

/* Ends an incomplete response, and kills the program if it is a script. */
static void fail(struct cgi *cgi, int status) {
    close_output(cgi);
    if (cgi->process != NULL)
        kill_process(cgi->process);
    if (!cgi->begun)
        cgi->progress.status = status;
    cgi->progress.failed = !cgi->begun;
    cgi->progress.broken = cgi->begun;
}

/* Reports what is wrong with the output. */
static void complain(const struct cgi *cgi, const char *fault) {
    errno = 0;
    report_failure("script", "output", fault, cgi->script.name);
}

bool stop_cgi(struct cgi *cgi) {
    complain(cgi, "none for too long: killed");
    fail(cgi, 504);
    return cgi->progress.failed;
}

void free_cgi(struct cgi *cgi) {
    if (cgi->process != NULL && !cgi->progress.over)
        kill_process(cgi->process);
    if (cgi->process != NULL)
        release_process(cgi->process);
    close_output(cgi);
    close_upload(&cgi->upload);
    free(cgi->head);
    free(cgi);
}

/* ------------------------------------------------------------------ output */

/* Writes a piece of the body. */
static char *write_piece(struct cgi *cgi, char *to, const char *bytes,
                         size_t length) {
    if (cgi->bodiless)
        cgi->length += length;  /* it is discarded: see continue_cgi */
    if (cgi->left != -1 && (long long)length > cgi->left)
        length = (size_t)cgi->left;
    if (length == 0 || cgi->bodiless)
        return to;
    if (cgi->chunked)
        to += sprintf(to, "%zx\r\n", length);
    memcpy(to, bytes, length);
    to += length;
    if (cgi->chunked)
        to = stpcpy(to, "\r\n");
    if (cgi->left != -1)
        cgi->left -= (long long)length;
    cgi->progress.body += (long long)length;
    return to;
}

/* Decides how the end of the body is marked: RFC 9112, 6.3. */
static void frame(struct cgi *cgi, const struct head *head,
                  const struct request *request) {
    int status = head->status;

    cgi->bodiless = request->method == HEAD || status == 204 || status == 205
                    || status == 304;
    cgi->left = head->length;
    cgi->chunked = head->length == -1 && !cgi->bodiless && !request->http10;
    cgi->progress.status = status;
    cgi->progress.persistent = is_persistent(request)
                               && (cgi->bodiless || cgi->chunked
                                   || head->length != -1);
}

/* Writes the head of the response. */
static char *write_head(struct cgi *cgi, const struct head *head, char *to,
                        const struct request *request) {
    struct response response = {
        .status = head->status,
        .persistent = cgi->progress.persistent,
    };

    to = write_start(to, &response, request, head->reason);
    to = write_fields(to, head);
    if (head->status == 205)  /* RFC 9110, 15.3.6: like 204 but with a length */
        to = stpcpy(to, "Content-Length: 0\r\n");
    else if (head->length != -1 && head->status != 204 && head->status != 304)
        to += sprintf(to, "Content-Length: %lld\r\n", head->length);
    if (cgi->chunked)
        to = stpcpy(to, "Transfer-Encoding: chunked\r\n");
    return stpcpy(to, "\r\n");
}

/* Adds output to the head, as much as fits. Returns how many bytes it added,
   or 0 if there is no memory. */
static size_t keep_head(struct cgi *cgi, const char *bytes, size_t length) {
    size_t room = MOST_SCRIPT_HEAD - cgi->length;
    size_t taken = length < room ? length : room;
    char *longer = realloc(cgi->head, cgi->length + taken);

    if (longer == NULL) {
        report_failure("realloc", NULL, NULL, cgi->script.name);
        return 0;
    }
    memcpy(longer + cgi->length, bytes, taken);
    cgi->head = longer;
    cgi->length += taken;
    return taken;
}

/* Collects the head until it is complete, and then begins the response. The
   rest is the start of the body. */
static char *take_head(struct cgi *cgi, const struct request *request, char *to,
                       const char *bytes, size_t length) {
    struct head head;
    size_t before = cgi->length;

    if (keep_head(cgi, bytes, length) == 0) {
        fail(cgi, 503);
        return to;
    }
    long end = parse_head(&head, cgi->head, cgi->length);
    if (end == 0 && cgi->length < MOST_SCRIPT_HEAD)
        return to;
    if (end <= 0) {
        complain(cgi, end == 0 ? "a head that is too long" : head.fault);
        fail(cgi, 500);
        return to;
    }
    cgi->begun = true;
    frame(cgi, &head, request);
    to = write_head(cgi, &head, to, request);
    size_t taken = (size_t)end - before;
    return write_piece(cgi, to, bytes + taken, length - taken);
}

/* Handles the end of the output. */
static char *take_end(struct cgi *cgi, char *to) {
    if (!cgi->begun) {
        complain(cgi, cgi->length == 0 ? "none" : "a head without an end");
        fail(cgi, 500);
        return to;
    }
    if (cgi->left > 0 && !cgi->bodiless) {
        complain(cgi, "less than its Content-Length");
        fail(cgi, 500);
        return to;
    }
    complete(cgi);
    return cgi->chunked ? stpcpy(to, "0\r\n\r\n") : to;
}

char *continue_cgi(struct cgi *cgi, const struct request *request, char *to) {
    static char piece[PIECE];

    cgi->progress.moved = false;
    if (cgi->output == -1)
        return to;
    ssize_t count = read(cgi->output, piece, sizeof piece);
    cgi->progress.moved = count >= 0;
    if (count == 0)
        return take_end(cgi, to);
    if (count == -1) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
            report_failure("read", NULL, NULL, cgi->script.name);
            fail(cgi, 500);
        }
        return to;
    }
    to = cgi->begun ? write_piece(cgi, to, piece, (size_t)count)
                    : take_head(cgi, request, to, piece, (size_t)count);
    if (cgi->begun
        && (cgi->bodiless ? cgi->length > MOST_DISCARDED : cgi->left == 0))
        complete(cgi);
    return to;
}
