/*
 * The targets. Each makes the server read its bytes, and aborts if an assertion
 * fails.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>

/* The bytes are what one client sends; only the parsers read them. Takes a few
   microseconds. */
void check_parsers(const char *bytes, size_t length);

/* The bytes are requests for invented files. Returns the status of the last
   response, as if its file existed; 0 if the last request is incomplete. */
int check_answers(const char *bytes, size_t length);

/* The bytes are what several clients send, with CLIENTS_END between them. The
   server serves the folder `site` in the current folder. */
void check_clients(const char *bytes, size_t length);

#define CLIENTS_END "\xff\xff"

#endif
