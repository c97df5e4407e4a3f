/*
 * The beginning of each page that the server itself writes. Such a page fits
 * the width of the screen, and is dark if the browser's user prefers that.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef PAGE_H
#define PAGE_H

#define PAGE_START                                                             \
    "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"          \
    "<meta name=\"viewport\" content=\"width=device-width\">\n"                \
    "<meta name=\"color-scheme\" content=\"light dark\">\n"

#endif
