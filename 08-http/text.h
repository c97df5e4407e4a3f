/*
 * Text within received bytes: RFC 9110, 5.6.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* A part of the received bytes: not copied, and not terminated by NUL. */
struct text {
    const char *start;  /* NULL if absent, which differs from empty */
    size_t length;
};

/* Returns whether the text is this word, ignoring case. */
bool is_word(struct text text, const char *word);

/* A set of ASCII characters: an array that has each member at the index equal
   to its code, and a dot everywhere else. The dot is in every set. */
typedef const char set_of_bytes[256];

/* Inline, since it is called for each byte. */
static inline bool is_in(set_of_bytes set, char byte) {
    return set[(unsigned char)byte] == byte;
}

/* Has an x at the index of each ASCII control character. */
extern const char control_bytes[256];

static inline bool is_control(char byte) {
    return control_bytes[(unsigned char)byte] == 'x';
}

/* Returns whether the text is a token: the name of a method, field or
   coding. */
bool is_token(struct text text);

/* Returns whether the text contains no control characters except tabs. */
bool is_clean(struct text text);

/* Returns the text without blanks and tabs at its ends. */
struct text trim(struct text text);

/* Removes everything up to and including the first separator, and returns what
   preceded it. If there is none, returns the whole text and leaves the text
   absent. Inline, like take_line: a request needs many calls to both. */
static inline struct text take_until(struct text *text, char separator) {
    struct text taken = *text;
    const char *end = memchr(text->start, separator, text->length);

    if (end == NULL) {
        *text = (struct text){NULL, 0};
    } else {
        taken.length = (size_t)(end - text->start);
        text->start = end + 1;
        text->length -= taken.length + 1;
    }
    return taken;
}

/* Removes a line, which ends in LF or CR LF, and stores it without its end.
   Returns false if the text contains no line ending. */
static inline bool take_line(struct text *bytes, struct text *line) {
    const char *end = NULL;

    if (bytes->length > 0)
        end = memchr(bytes->start, '\n', bytes->length);
    if (end == NULL)
        return false;
    *line = (struct text){bytes->start, (size_t)(end - bytes->start)};
    bytes->start = end + 1;
    bytes->length -= line->length + 1;
    if (line->length > 0 && line->start[line->length - 1] == '\r')
        line->length--;
    return true;
}

/* Returns the number of bytes in the empty lines at the start of the text. */
size_t count_empty_lines(struct text text);

/* Parses a text that consists of digits only. Numbers of ULLONG_MAX - 5 and
   above become ULLONG_MAX. Returns false for any other text. */
bool parse_digits(struct text text, unsigned long long *number);

/* Returns the value of a hexadecimal digit, or -1. */
int hexadecimal(char byte);

#endif
