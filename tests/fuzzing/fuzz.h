/*
 * The targets. Each has the server read these bytes, whatever they are, and
 * ends the program if something does not hold.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>

/* The bytes are what one client sends, and the parsers alone read them. Takes
   some millionths of a second. */
void check_parsers(const char *bytes, size_t length);

/* The bytes are requests to files that are made up. Returns the status of the
   last answer, if it asks for a file that is there; 0 if more of it has to
   come. */
int check_answers(const char *bytes, size_t length);

/* The bytes are what several clients send, with CLIENTS_END between them, for
   files in the folder `site` of the current folder. */
void check_clients(const char *bytes, size_t length);

#define CLIENTS_END "\xff\xff"

#endif
