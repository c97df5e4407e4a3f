/*
 * Text in the bytes of somebody else: RFC 9110, 5.6.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A part of other bytes: nothing is copied, and no NUL ends it. */
struct text {
    const char *start;  /* NULL: not there, which is not the same as empty */
    size_t length;
};

/* Returns whether it is this word, in capitals or not. */
bool is_word(struct text text, const char *word);

bool is_letter_or_digit(char byte);

/* Returns whether it can be the name of a method, a field or a coding. */
bool is_token(struct text text);

/* Returns whether it is free of control characters. NUL and a lone carriage
   return are two of them, a tab counts as a blank. */
bool is_clean(struct text text);

/* Returns it without the blanks at both ends. */
struct text trim(struct text text);

/* Takes all up to a separator, and the separator, off a text: all there is, if
   it is not there. Then nothing is left, not even a start. */
struct text take_until(struct text *text, char separator);

/* Takes a line off a text. Its end is a line feed, and a carriage return before
   that is part of the end. Returns false if the end is not there. */
bool take_line(struct text *text, struct text *line);

/* Returns how many bytes at the start of a text are empty lines. */
size_t count_empty_lines(struct text text);

/* Reads digits, and nothing else, as a number; one that is too large becomes
   ULLONG_MAX. Returns false if there are none. */
bool parse_digits(struct text text, unsigned long long *number);

/* Returns what a hexadecimal digit stands for, or -1. */
int hexadecimal(char byte);

#endif
