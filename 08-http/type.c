/*
 * Media types, chosen by a file's name, not by its content.
 * SPDX-License-Identifier: 0BSD
 */
#define _POSIX_C_SOURCE 200809L

#include "type.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Source code is text: a browser would download any other type. */
#define TEXT "text/plain; charset=utf-8"

static const struct {
    const char *extension, *type;
} types[] = {
    {"apng",         "image/apng"},
    {"avif",         "image/avif"},
    {"c",            TEXT},
    {"css",          "text/css; charset=utf-8"},
    {"csv",          "text/csv; charset=utf-8"},
    {"flac",         "audio/flac"},
    {"gif",          "image/gif"},
    {"h",            TEXT},
    {"htm",          "text/html; charset=utf-8"},
    {"html",         "text/html; charset=utf-8"},
    {"ico",          "image/x-icon"},
    {"jpeg",         "image/jpeg"},
    {"jpg",          "image/jpeg"},
    {"js",           "text/javascript; charset=utf-8"},
    {"json",         "application/json"},
    {"log",          TEXT},
    {"m3u8",         "application/vnd.apple.mpegurl"},
    {"m4a",          "audio/mp4"},
    {"m4s",          "video/iso.segment"},
    {"map",          "application/json"},
    {"md",           TEXT},
    {"mjs",          "text/javascript; charset=utf-8"},
    {"mp3",          "audio/mpeg"},
    {"mp4",          "video/mp4"},
    {"mpd",          "application/dash+xml"},
    {"ogg",          "audio/ogg"},
    {"opus",         "audio/ogg"},
    {"otf",          "font/otf"},
    {"pdf",          "application/pdf"},
    {"png",          "image/png"},
    {"py",           TEXT},
    {"sh",           TEXT},
    {"svg",          "image/svg+xml"},
    {"ttf",          "font/ttf"},
    {"txt",          TEXT},
    {"vtt",          "text/vtt; charset=utf-8"},
    {"wasm",         "application/wasm"},
    {"wav",          "audio/wav"},
    {"webm",         "video/webm"},
    {"webmanifest",  "application/manifest+json"},
    {"webp",         "image/webp"},
    {"woff",         "font/woff"},
    {"woff2",        "font/woff2"},
    {"xhtml",        "application/xhtml+xml"},
    {"xml",          "text/xml; charset=utf-8"},
    {"zip",          "application/zip"},
};

const char *type_of(const char *name) {
    const char *slash = strrchr(name, '/');
    const char *file = slash == NULL ? name : slash + 1;
    const char *dot = strrchr(file, '.');

    if (strcmp(file, "Makefile") == 0 || strcmp(file, "README") == 0)
        return TEXT;
    for (size_t i = 0; dot != NULL && i < sizeof types / sizeof *types; i++)
        if (strcasecmp(dot + 1, types[i].extension) == 0)
            return types[i].type;
    return "application/octet-stream";
}
