/*
 * Assertions, and text.
 */
#ifndef DEMAND_H
#define DEMAND_H

#include "text.h"

#include <stdbool.h>
#include <stddef.h>

/* Unless is_so, prints what was demanded and aborts. */
void demand(bool is_so, const char *what);

/* Returns whether a text lies in these bytes, or is NULL and empty. */
bool lies_in(struct text text, const char *bytes, size_t length);

bool is_control_character(char byte);
bool is_blank(char byte);

/* Returns whether there are no control characters except tabs. */
bool is_plain(struct text text);

bool is_a_token(struct text text);
bool is(struct text text, const char *exactly);
bool begins(struct text text, const char *with);

/* Returns the text after this many bytes. */
struct text without(struct text text, size_t length);

/* Returns the length of the next piece: everything if most is 0, else up to
   that many bytes, chosen by the first byte. */
size_t piece_of(struct text bytes, size_t most);

/* Removes everything up to and including a byte, which the text must contain.
   Returns what was before the byte. */
struct text cut(struct text *rest, char byte, const char *demanded);
struct text cut_line(struct text *rest);

#endif
