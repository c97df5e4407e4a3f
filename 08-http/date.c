/*
 * Dates: one form to write, three to read.
 */
#include "posix.h"

#include "date.h"

#include <stdio.h>
#include <string.h>

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

void write_date(char date[DATE_SIZE], time_t time) {
    struct tm parts = {0};

    gmtime_r(&time, &parts);
    strftime(date, DATE_SIZE, "%a, %d %b %Y %H:%M:%S GMT", &parts);
}

/* Returns the seconds from 1970 to a date in UTC; timegm(3) is in no standard.
   Years begin in March here, so that a leap day comes last. */
static time_t seconds(const struct tm *parts) {
    long month = (parts->tm_mon + 10) % 12;
    long year = parts->tm_year - (parts->tm_mon < 2);
    long days = year * 365 + year / 4 - year / 100 + year / 400
                + (month * 153 + 2) / 5 + parts->tm_mday - 1 - 719468;

    return (time_t)days * 86400 + parts->tm_hour * 3600 + parts->tm_min * 60
           + parts->tm_sec;
}

/* Two digits stand for a year at most 50 years from now. */
static int full_year(int year) {
    time_t now = time(NULL);
    struct tm parts = {0};

    gmtime_r(&now, &parts);
    int century = (parts.tm_year + 1900) / 100 * 100;
    return century + year - (century + year > parts.tm_year + 1950 ? 100 : 0);
}

/* Reads the parts of a date; its year becomes the year itself, its month a
   name. Returns false if the text has none of the three forms. */
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

/* Returns whether a time is written like this in one of the three forms. Which
   day of the week it is does not matter: that says nothing new. */
static bool is_written(const char *text, const struct tm *parts) {
    static const char *const forms[] = {
        "%a, %d %b %Y %H:%M:%S GMT",
        "%A, %d-%b-%y %H:%M:%S GMT",
        "%a %b %e %H:%M:%S %Y",
    };
    char written[64];

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        strftime(written, sizeof written, forms[i], parts);
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
    gmtime_r(time, &parts);
    return is_written(copy, &parts);
}
