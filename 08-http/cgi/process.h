/*
 * The processes that run scripts: fork(2), execve(2), waitpid(2). Each leads a
 * process group, so that it can be killed with everything it has started.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef PROCESS_H
#define PROCESS_H

#include "script.h"

#include <stdbool.h>

#define MOST_ANSWERING 64   /* processes that answer a request */
#define MOST_PROCESSES 128  /* including those that have answered already */

struct process;

/* Opens the empty file that a program reads if its request has no body. Returns
   false, with a message, on failure. */
bool open_empty_file(void);
int empty_file(void);

/* Makes a pipe for the output of a program: output[0] does not block, and no
   program inherits it. Returns 0, or the status of the response: 500, 503. */
int open_output(int output[2]);

/*
 * Runs a script, in its directory, with these variables. Its standard input and
 * output are these descriptors; it has no others but standard error. Stores the
 * process. Returns 0, or the status of the response: 500, 503.
 */
int start_process(struct process **process, const struct script *script,
                  char *variables[], int input, int output);

/* Counts a request to a worker as a process, although no process is started.
   Stores its entry. Returns 0, or the status of the response: 503. */
int count_worker(struct process **process, const char *name);

/* Kills a process and all of its group. */
void kill_process(struct process *process);

/* Lets a process run until it ends; then its exit status is collected. */
void release_process(struct process *process);

/* Collects the exit status of each released process that has ended: SIGCHLD in
   signal(7). */
void reap_processes(void);

/* Kills all processes that are left, and closes the empty file. */
void end_processes(void);

/* Returns the status of the response after a failed call, or 0 to call again.
   If the status is 500 or 503, reports the call and the name it was given. A
   shortage is reported once, and not again until a script has started or a
   worker has been called. */
int status_of_failure(const char *call, const char *name);

#endif
