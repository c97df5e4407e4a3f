/*
 * The processes that run scripts.
 * SPDX-License-Identifier: 0BSD
 */
#include "posix.h"

#include "process.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/select.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum {  /* what to do when no response depends on the call */
    AGAIN = 0,     /* call again */
    REPORT = 500,  /* report it, nothing else */
};

/* waitpid is called for a process only when its group no longer has to be
   killed. Until then its ID cannot be reused, even if the process has ended. */
struct process {
    pid_t pid;      /* 0: a request to a worker */
    bool used;      /* else this entry is free */
    bool released;  /* to be waited for */
};

static struct process processes[MOST_PROCESSES];
static bool shortage;   /* one has been reported */
static int empty = -1;  /* /dev/null */

/* ------------------------------------------------------------------- start */

bool open_empty_file(void) {
    empty = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (empty == -1)
        report_failure("open", NULL, NULL, "/dev/null");
    return empty != -1;
}

int empty_file(void) {
    return empty;
}

int open_output(int output[2]) {
    if (pipe(output) == -1)
        return status_of_failure("pipe", "output");
    if (output[0] < FD_SETSIZE
        && fcntl(output[0], F_SETFL, O_NONBLOCK) != -1
        && fcntl(output[0], F_SETFD, FD_CLOEXEC) != -1)
        return 0;
    close(output[0]);
    close(output[1]);
    errno = EMFILE;  /* prlimit(1) has raised the limit since */
    return status_of_failure("pipe", "output");
}

/* Turns this process, which fork has just made, into the script. execve closes
   all descriptors but the standard ones (FD_CLOEXEC in fcntl(2)), and resets
   our signal handlers; ignored signals stay ignored. */
static void become(const struct script *script, char *variables[], int input,
                   int output) {
    static char folder[MAX_NAME];
    char name[MAX_NAME];
    char *arguments[] = {strcpy(name, script->name), NULL};

    memcpy(folder, script->name, script->folder);
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    if (dup2(input, STDIN_FILENO) == -1 || dup2(output, STDOUT_FILENO) == -1)
        status_of_failure("dup2", script->name);
    else if (close(output) == -1
             || chdir(script->folder > 0 ? folder : "/") == -1)
        status_of_failure("chdir", script->name);
    else if (execve(script->name, arguments, variables) == -1)
        status_of_failure("execve", script->name);
    /* Not exit: it would run the functions that the server has registered with
       atexit(3). */
    _exit(127);
}

/* Stores a free entry. Returns 0, or the status of the response. A script that
   is still running after its response is complete does not count as answering:
   its client may already have sent the next request. */
static int find_free(struct process **process, const char *name) {
    struct process *found = NULL;
    int answering = 0;

    for (int i = 0; i < MOST_PROCESSES; i++) {
        if (!processes[i].used)
            found = &processes[i];
        else if (!processes[i].released)
            answering++;
    }
    if (found != NULL && answering < MOST_ANSWERING) {
        *process = found;
        return 0;
    }
    errno = EAGAIN;
    return status_of_failure("start", name);
}

int start_process(struct process **process, const struct script *script,
                  char *variables[], int input, int output) {
    struct process *new = NULL;
    int status = find_free(&new, script->name);

    if (status != 0)
        return status;
    pid_t pid = fork();
    if (pid == -1)
        return status_of_failure("fork", script->name);
    if (pid == 0)
        become(script, variables, input, output);
    setpgid(pid, pid);  /* the child calls it, too: either may be first */
    *new = (struct process){.pid = pid, .used = true};
    *process = new;
    shortage = false;
    return 0;
}

int count_worker(struct process **process, const char *name) {
    int status = find_free(process, name);

    if (status != 0)
        return status;
    **process = (struct process){.pid = 0, .used = true};
    shortage = false;
    return 0;
}

/* --------------------------------------------------------------------- end */

/* Collects the exit status of a process, if it has ended. */
static void reap(struct process *process) {
    pid_t ended = -1;

    while (process->pid > 0
           && (ended = waitpid(process->pid, NULL, WNOHANG)) == -1)
        if (status_of_failure("waitpid", "a script") != AGAIN)
            break;
    process->used = ended == 0;
}

void kill_process(struct process *process) {
    if (process->pid > 0)
        kill(-process->pid, SIGKILL);
}

void release_process(struct process *process) {
    process->released = true;
    reap(process);
}

void reap_processes(void) {
    for (int i = 0; i < MOST_PROCESSES; i++)
        if (processes[i].used && processes[i].released)
            reap(&processes[i]);
}

void end_processes(void) {
    for (int i = 0; i < MOST_PROCESSES; i++)
        if (processes[i].used)
            kill_process(&processes[i]);
    if (empty != -1)
        close(empty);
}

/* ------------------------------------------------------ when a call fails */

struct failure {
    const char *name;  /* of a call or, in the rows below it, of an errno */
    int number;        /* the errno; 0 in a call's row, for any other errno */
    int status;        /* of the response */
    const char *meaning;
};

#define E(name) #name, (name)  /* "EACCES", EACCES */

static const struct failure failures[] = {
    {"pipe", 0, 500, NULL},
    {E(EFAULT), 500, "a bad pointer: a bug in this program"},
    {E(EMFILE), 503, "this process has no descriptor left"},
    {E(ENFILE), 503, "the whole system has no descriptor left"},
    {"fork", 0, 500, NULL},
    {E(EAGAIN), 503, "too many processes: see ulimit -u"},
    {E(ENOMEM), 503, "out of memory"},
    {E(ENOSYS), 500, "this system cannot copy a process"},
    {"execve", 0, 500, NULL},
    {E(E2BIG),        500, "the variables are too long"},
    {E(EACCES),       500, "no permission to run it, or its interpreter"},
    {E(EFAULT),       500, "a bad pointer: a bug in this program"},
    {E(EINVAL),       500, "a program for another system"},
    {E(EIO),          500, "the disk failed"},
    {E(EISDIR),       500, "its interpreter is a directory"},
    {E(ELOOP),        500, "too many links, or interpreters of interpreters"},
    {E(EMFILE),       500, "this process has no descriptor left"},
    {E(ENAMETOOLONG), 500, "the name is too long"},
    {E(ENFILE),       500, "the whole system has no descriptor left"},
    {E(ENOENT),       500, "its interpreter, or a library, is not there"},
    {E(ENOEXEC),      500, "not a program: is #! missing in its first line?"},
    {E(ENOMEM),       500, "out of memory"},
    {E(ENOTDIR),      500, "part of its interpreter's name is not a directory"},
    {E(EPERM),        500, "the file system, or a tracer, forbids it"},
    {E(ETXTBSY),      500, "another program has it open for writing"},
    {"waitpid", 0, REPORT, NULL},
    {E(ECHILD), REPORT, "no such child: something else has waited for it"},
    {E(EINTR),  AGAIN,  "a signal came first"},
    {E(EINVAL), REPORT, "an invalid option: a bug in this program"},
    {"connect", 0, 500, NULL},
    {E(EACCES),       403, "no permission to write to the socket"},
    {E(EAGAIN),       503, "the worker's queue is full"},
    {E(ECONNREFUSED), 503, "no worker listens there"},
    {E(ENOENT),       404, "it is not there"},
    {E(EPROTOTYPE),   500, "the socket is not of type SOCK_STREAM"},
    {"start", 0, 500, NULL},  /* our own limit, not a call */
    {E(EAGAIN), 503, "as many scripts as there may be are running"},
    {NULL, 0, 500, NULL},  /* any other call */
};

/* Returns an errno's row below its call or, if it has none, the call's row. */
static const struct failure *find_failure(const char *call, int number) {
    const struct failure *heading = failures;

    while (heading->name != NULL && strcmp(heading->name, call) != 0)
        heading++;
    if (heading->name == NULL)
        return heading;
    const struct failure *row = heading + 1;
    while (row->number != 0 && row->number != number)
        row++;
    return row->number != 0 ? row : heading;
}

int status_of_failure(const char *call, const char *name) {
    const struct failure *failure = find_failure(call, errno);
    const char *known = failure->number != 0 ? failure->name : NULL;

    if (failure->status >= 500 && !(failure->status == 503 && shortage))
        report_failure(call, known, failure->meaning, name);
    shortage |= failure->status == 503;
    return failure->status;
}
