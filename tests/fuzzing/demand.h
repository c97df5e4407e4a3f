/*
 * What has to hold, and text.
 */
#ifndef DEMAND_H
#define DEMAND_H

#include "text.h"

#include <stdbool.h>
#include <stddef.h>

/* Ends the program, and says what is untrue, unless it is so. */
void demand(bool is_so, const char *what);

/* Returns whether a text is part of these bytes, or absent. */
bool lies_in(struct text text, const char *bytes, size_t length);

bool is_control(char byte);
bool is_blank(char byte);

/* Returns whether there are no control bytes but tabs. */
bool is_plain(struct text text);

bool is_a_token(struct text text);
bool is(struct text text, const char *exactly);
bool begins(struct text text, const char *with);

/* Returns the text without so many of its first bytes. */
struct text without(struct text text, size_t length);

/* Returns how long the next piece is: all there is if most is 0, else up to so
   many bytes, as the first of them says. */
size_t piece_of(struct text bytes, size_t most);

/* Takes all up to a byte, and that byte, off a text that has it. */
struct text cut(struct text *rest, char byte, const char *demanded);
struct text cut_line(struct text *rest);

#endif
