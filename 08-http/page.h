/*
 * How the pages begin that the server writes itself: as wide as the screen, and
 * dark where the reader prefers that.
 */
#ifndef PAGE_H
#define PAGE_H

#define PAGE_START                                                             \
    "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"          \
    "<meta name=\"viewport\" content=\"width=device-width\">\n"                \
    "<meta name=\"color-scheme\" content=\"light dark\">\n"

#endif
