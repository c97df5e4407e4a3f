/*
 * Text within received bytes: RFC 9110, 5.6.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A part of other bytes: not copied, and not terminated by NUL. */
struct text {
    const char *start;  /* NULL: absent, which is not the same as empty */
    size_t length;
};

/* Returns whether the text is this word; case does not matter. */
bool is_word(struct text text, const char *word);

bool is_letter_or_digit(char byte);

/* Returns whether it is a token: a name of a method, a field or a coding. */
bool is_token(struct text text);

/* Returns whether it has no control characters, such as NUL or a lone carriage
   return. A tab counts as a blank. */
bool is_clean(struct text text);

/* Returns the text without the blanks at both ends. */
struct text trim(struct text text);

/* Removes everything up to a separator, and the separator, from a text, and
   returns what was before it. Without a separator that is the whole text, and
   what is left is absent. */
struct text take_until(struct text *text, char separator);

/* Removes a line from a text. It ends in a line feed; a carriage return before
   that belongs to the end. Returns false if there is no end. */
bool take_line(struct text *text, struct text *line);

/* Returns how many bytes of empty lines a text begins with. */
size_t count_empty_lines(struct text text);

/* Parses a text of digits only; a number that is too large becomes ULLONG_MAX.
   Returns false for any other text. */
bool parse_digits(struct text text, unsigned long long *number);

/* Returns the value of a hexadecimal digit, or -1. */
int hexadecimal(char byte);

#endif
