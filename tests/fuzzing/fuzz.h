/*
 * The one call that fuzz.c offers: libFuzzer comes to it by way of its own.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>

/*
 * Has all that reads what a client sends read these bytes, and ends the program
 * if something does not hold. Returns the status of the last answer to the
 * client, if it asks for a file that is there; 0 if more of it has to come.
 */
int check_connection(const char *bytes, size_t length);

#endif
