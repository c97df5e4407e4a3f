/*
 * Media types, by the end of a name; nobody looks into a file.
 */
#define _POSIX_C_SOURCE 200809L

#include "type.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *extension, *type;
} types[] = {
    {"css",   "text/css; charset=utf-8"},
    {"csv",   "text/csv; charset=utf-8"},
    {"gif",   "image/gif"},
    {"htm",   "text/html; charset=utf-8"},
    {"html",  "text/html; charset=utf-8"},
    {"ico",   "image/x-icon"},
    {"jpeg",  "image/jpeg"},
    {"jpg",   "image/jpeg"},
    {"js",    "text/javascript; charset=utf-8"},
    {"json",  "application/json"},
    {"md",    "text/markdown; charset=utf-8"},
    {"mjs",   "text/javascript; charset=utf-8"},
    {"mp3",   "audio/mpeg"},
    {"mp4",   "video/mp4"},
    {"pdf",   "application/pdf"},
    {"png",   "image/png"},
    {"svg",   "image/svg+xml"},
    {"txt",   "text/plain; charset=utf-8"},
    {"wasm",  "application/wasm"},
    {"webm",  "video/webm"},
    {"webp",  "image/webp"},
    {"woff2", "font/woff2"},
    {"xml",   "text/xml; charset=utf-8"},
    {"zip",   "application/zip"},
};

const char *type_of(const char *name) {
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot != NULL && i < sizeof types / sizeof *types; i++)
        if (strcasecmp(dot + 1, types[i].extension) == 0)
            return types[i].type;
    return "application/octet-stream";
}
