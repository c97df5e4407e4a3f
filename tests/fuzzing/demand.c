/*
 * What the parsers in this folder need: assertions, and text.
 */
#include "posix.h"

#include "demand.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void demand(bool is_so, const char *what) {
    if (!is_so) {
        fprintf(stderr, "failed: %s\n", what);
        abort();
    }
}

/* ------------------------------------------------------------------- text */

bool lies_in(struct text text, const char *bytes, size_t length) {
    uintptr_t start = (uintptr_t)text.start, first = (uintptr_t)bytes;

    if (text.start == NULL)
        return text.length == 0;
    return start >= first && start - first <= length
           && text.length <= length - (start - first);
}

bool is_control_character(char byte) {
    return (unsigned char)byte < ' ' || byte == 127;
}

bool is_blank(char byte) {
    return byte == ' ' || byte == '\t';
}

bool is_plain(struct text text) {
    for (size_t at = 0; at < text.length; at++)
        if (is_control_character(text.start[at]) && text.start[at] != '\t')
            return false;
    return true;
}

bool is_a_token(struct text text) {
    for (size_t at = 0; at < text.length; at++) {
        unsigned char byte = (unsigned char)text.start[at];
        if (byte > 127 || byte == '\0'
            || !(isalnum(byte) || strchr("!#$%&'*+-.^_`|~", byte) != NULL))
            return false;
    }
    return text.length > 0;
}

bool is(struct text text, const char *exactly) {
    return text.length == strlen(exactly)
           && memcmp(text.start, exactly, text.length) == 0;
}

bool begins(struct text text, const char *with) {
    return text.length > 0 && *text.start == *with  /* usually everything */
           && text.length >= strlen(with)
           && memcmp(text.start, with, strlen(with)) == 0;
}

struct text without(struct text text, size_t length) {
    return (struct text){text.start + length, text.length - length};
}

size_t piece_of(struct text bytes, size_t most) {
    size_t piece = most == 0 ? bytes.length
                             : 1 + (unsigned char)*bytes.start % most;

    return piece < bytes.length ? piece : bytes.length;
}

struct text cut(struct text *rest, char byte, const char *demanded) {
    struct text piece = {rest->start, 0};

    while (piece.length < rest->length && piece.start[piece.length] != byte)
        piece.length++;
    demand(piece.length < rest->length, demanded);
    rest->start += piece.length + 1;
    rest->length -= piece.length + 1;
    return piece;
}

struct text cut_line(struct text *rest) {
    struct text line = cut(rest, '\n', "every line ends in a newline");

    if (line.length > 0 && line.start[line.length - 1] == '\r')
        line.length--;
    return line;
}
