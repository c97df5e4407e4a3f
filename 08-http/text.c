/*
 * Text within received bytes.
 * SPDX-License-Identifier: 0BSD
 */
#define _POSIX_C_SOURCE 200809L

#include "text.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

static set_of_bytes token_bytes =
    "................................"
    ".!.#$%&'..*+.-..0123456789......"
    ".ABCDEFGHIJKLMNOPQRSTUVWXYZ...^_"
    "`abcdefghijklmnopqrstuvwxyz.|.~.";

const char control_bytes[256] =
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    "................................"
    "................................"
    "...............................x";

bool is_token(struct text text) {
    for (size_t at = 0; at < text.length; at++)
        if (!is_in(token_bytes, text.start[at]))
            return false;
    return text.length > 0;
}

bool is_clean(struct text text) {
    for (size_t at = 0; at < text.length; at++)
        if (is_control(text.start[at]) && text.start[at] != '\t')
            return false;
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

int hexadecimal(char byte) {
    const char *digits = "0123456789abcdef0123456789ABCDEF";
    const char *found = memchr(digits, byte, strlen(digits));

    return found == NULL ? -1 : (int)((found - digits) % 16);
}
