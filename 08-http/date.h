/*
 * Dates as HTTP writes them: RFC 9110, 5.6.7.
 */
#ifndef DATE_H
#define DATE_H

#include "request.h"

#include <stdbool.h>
#include <time.h>

#define DATE_SIZE sizeof "Sun, 06 Nov 1994 08:49:37 GMT"

/* Writes a date in the one form that may be sent, or an empty string if its
   year is not from 0 to 9999. */
void write_date(char date[DATE_SIZE], time_t time);

/* Parses a date in any of the three forms. Returns false for any other text. */
bool parse_date(struct text text, time_t *time);

#endif
