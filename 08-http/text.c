/*
 * Text within received bytes.
 * SPDX-License-Identifier: 0BSD
 */
#define _POSIX_C_SOURCE 200809L

#include "text.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

bool is_token(struct text text) {
    for (size_t at = 0; at < text.length; at++)
        if (!is_letter_or_digit(text.start[at])
            && memchr("!#$%&'*+-.^_`|~", text.start[at], 15) == NULL)
            return false;
    return text.length > 0;
}

bool is_clean(struct text text) {
    for (size_t at = 0; at < text.length; at++) {
        unsigned char byte = (unsigned char)text.start[at];
        if (byte < ' ' ? byte != '\t' : byte == 127)
            return false;
    }
    return true;
}

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t';
}

struct text trim(struct text text) {
    while (text.length > 0 && is_blank(text.start[text.length - 1]))
        text.length--;
    while (text.length > 0 && is_blank(*text.start)) {
        text.start++;
        text.length--;
    }
    return text;
}

bool is_word(struct text text, const char *word) {
    return text.length == strlen(word)
           && strncasecmp(text.start, word, text.length) == 0;
}

size_t count_empty_lines(struct text text) {
    size_t count = 0;

    for (size_t at = 0; at < text.length; at++) {
        if (text.start[at] == '\n')
            count = at + 1;
        else if (text.start[at] != '\r' || at > count)
            break;
    }
    return count;
}

bool parse_digits(struct text text, unsigned long long *number) {
    *number = 0;
    for (size_t at = 0; at < text.length; at++) {
        unsigned digit = (unsigned)text.start[at] - '0';
        if (digit > 9)
            return false;
        *number = *number < ULLONG_MAX / 10 ? *number * 10 + digit : ULLONG_MAX;
    }
    return text.length > 0;
}

struct text take_until(struct text *text, char separator) {
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

bool take_line(struct text *bytes, struct text *line) {
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

int hexadecimal(char byte) {
    const char *digits = "0123456789abcdef0123456789ABCDEF";
    const char *found = memchr(digits, byte, strlen(digits));

    return found == NULL ? -1 : (int)((found - digits) % 16);
}
