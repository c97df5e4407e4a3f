/*
 * The program behind a path: a script, or a running program that listens on a
 * Unix socket.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include "request.h"
#include "tree.h"

#include <stdbool.h>
#include <stddef.h>

#define SCRIPT_METHODS "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"

struct script {
    char name[MAX_NAME];  /* the absolute name of its file */
    size_t folder;        /* length of the name of the directory it is in */
    size_t length;        /* of the script's own name at the start of the
                             request's path; the script gets the rest */
    bool worker;          /* the file is a socket, on which a worker listens */
};

/* Sets where the scripts are: a folder, whose files answer for paths below
   /cgi/, or one file, which answers for all of /cgi. Returns false, with a
   message, if there is no such folder or file. Without this call there are no
   scripts. */
bool serve_scripts(const char *name);

/* If there are scripts, opens the empty file that they read if their request
   has no body. Returns false, with a message, on failure. Call it when the
   standard streams are open: this file must not become one of them. */
bool prepare_scripts(void);

/* Returns whether a program is to answer: the path is below /cgi, either as it
   is or after dot segments and double slashes have been removed from it. */
bool is_for_script(const struct request *request);

/* Finds the script of a request. Returns 0, or the status of the response: 403
   if the script cannot be run, 404 if there is none, 405 or 501 if scripts do
   not support the method. */
int find_script(const struct request *request, struct script *script);

#endif
