/*
 * Dates: one form to write, three to read.
 * SPDX-License-Identifier: 0BSD
 */
#include "posix.h"

#include "date.h"

#include <stdio.h>
#include <string.h>

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char weekdays[][10] = {"Sunday", "Monday", "Tuesday", "Wednesday",
                                    "Thursday", "Friday", "Saturday"};

#define LONGEST_DATE 128  /* enough even for absurd numbers */

/* The three forms, without strftime(3), which depends on the locale and writes
   a year before 1000 without leading zeros. */
static void write_imf(char date[LONGEST_DATE], const struct tm *parts) {
    snprintf(date, LONGEST_DATE, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
             weekdays[parts->tm_wday], parts->tm_mday,
             months + parts->tm_mon * 3, parts->tm_year + 1900, parts->tm_hour,
             parts->tm_min, parts->tm_sec);
}

static void write_rfc850(char date[LONGEST_DATE], const struct tm *parts) {
    snprintf(date, LONGEST_DATE, "%s, %02d-%.3s-%02d %02d:%02d:%02d GMT",
             weekdays[parts->tm_wday], parts->tm_mday,
             months + parts->tm_mon * 3, parts->tm_year % 100, parts->tm_hour,
             parts->tm_min, parts->tm_sec);
}

static void write_asctime(char date[LONGEST_DATE], const struct tm *parts) {
    snprintf(date, LONGEST_DATE, "%.3s %.3s %2d %02d:%02d:%02d %04d",
             weekdays[parts->tm_wday], months + parts->tm_mon * 3,
             parts->tm_mday, parts->tm_hour, parts->tm_min, parts->tm_sec,
             parts->tm_year + 1900);
}

/* Returns whether a year has four digits, and no sign. */
static bool has_four_digits(const struct tm *parts) {
    return parts->tm_year >= -1900 && parts->tm_year < 10000 - 1900;
}

void write_date(char date[DATE_SIZE], time_t time) {
    char written[LONGEST_DATE] = "";
    struct tm parts = {0};

    if (gmtime_r(&time, &parts) != NULL && has_four_digits(&parts))
        write_imf(written, &parts);
    strcpy(date, written);
}

/* Returns the seconds from 1970 to a date in UTC: POSIX has no timegm(3). Years
   begin in March here, so that a leap day comes last. */
static time_t seconds(const struct tm *parts) {
    long month = (parts->tm_mon + 10) % 12;
    long year = parts->tm_year - (parts->tm_mon < 2);
    long days = year * 365 + year / 4 - year / 100 + year / 400
                + (month * 153 + 2) / 5 + parts->tm_mday - 1 - 719468;

    return (time_t)days * 86400 + parts->tm_hour * 3600 + parts->tm_min * 60
           + parts->tm_sec;
}

/* Two digits stand for a year at most 50 years in the future: RFC 9110, 5.6.7.
   */
static int full_year(int year) {
    time_t now = time(NULL);
    struct tm parts = {0};

    gmtime_r(&now, &parts);
    int century = (parts.tm_year + 1900) / 100 * 100;
    return century + year - (century + year > parts.tm_year + 1950 ? 100 : 0);
}

/* Reads the parts of a date: stores the full year in tm_year, and the name of
   the month in month. Returns false if the text has none of the three forms. */
static bool read_parts(const char *text, struct tm *parts, char month[4]) {
    int *day = &parts->tm_mday, *year = &parts->tm_year, end = 0;
    int *hour = &parts->tm_hour, *minute = &parts->tm_min;
    int *second = &parts->tm_sec;

    sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", day,
           month, year, hour, minute, second, &end);
    if (end > 0)
        return text[end] == '\0';
    sscanf(text, "%*[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d GMT%n", day,
           month, year, hour, minute, second, &end);
    *year = end > 0 ? full_year(*year) : *year;
    if (end > 0)
        return text[end] == '\0';
    sscanf(text, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d%n", month, day,
           hour, minute, second, year, &end);
    return end > 0 && text[end] == '\0';
}

/* Returns whether the text is this time in one of the three forms. The day of
   the week is ignored. */
static bool is_written(const char *text, const struct tm *parts) {
    void (*const forms[])(char date[LONGEST_DATE], const struct tm *) = {
        write_imf, write_rfc850, write_asctime};
    char written[LONGEST_DATE];

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        forms[i](written, parts);
        size_t day = strcspn(text, " ");
        if (day == strcspn(written, " ")
            && strcmp(text + day, written + day) == 0)
            return true;
    }
    return false;
}

bool parse_date(struct text text, time_t *time) {
    char copy[64], month[4] = "";
    struct tm parts = {0};

    if (text.length >= sizeof copy)
        return false;
    memcpy(copy, text.start, text.length);
    copy[text.length] = '\0';
    if (!read_parts(copy, &parts, month))
        return false;
    const char *found = strstr(months, month);
    if (found == NULL || (found - months) % 3 != 0)
        return false;
    parts.tm_mon = (int)(found - months) / 3;
    *time = seconds(&parts);
    return gmtime_r(time, &parts) != NULL && has_four_digits(&parts)
           && is_written(copy, &parts);
}
