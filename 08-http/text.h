/*
 * Text within received bytes: RFC 9110, 5.6.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A part of the received bytes: not copied, and not terminated by NUL. */
struct text {
    const char *start;  /* NULL if absent, which differs from empty */
    size_t length;
};

/* Returns whether the text is this word, in any case. */
bool is_word(struct text text, const char *word);

/* Inline, since it is called for each byte. */
static inline bool is_letter_or_digit(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z')
           || (byte >= '0' && byte <= '9');
}

/* Returns whether it is a token: the name of a method, field or coding. */
bool is_token(struct text text);

/* Returns whether it contains no control characters, except for tabs. */
bool is_clean(struct text text);

/* Returns the text without blanks and tabs at its ends. */
struct text trim(struct text text);

/* Removes everything up to the first separator, and the separator, and returns
   what preceded it. Without a separator returns the whole text, and leaves the
   text absent. */
struct text take_until(struct text *text, char separator);

/* Removes a line, which ends in LF or CR LF, and stores it without its end.
   Returns false if the text contains no line ending. */
bool take_line(struct text *text, struct text *line);

/* Returns the number of bytes in the empty lines at the start of the text. */
size_t count_empty_lines(struct text text);

/* Parses a text that consists of digits only. Numbers of ULLONG_MAX - 5 and
   above become ULLONG_MAX. Returns false for any other text. */
bool parse_digits(struct text text, unsigned long long *number);

/* Returns the value of a hexadecimal digit, or -1. */
int hexadecimal(char byte);

#endif
