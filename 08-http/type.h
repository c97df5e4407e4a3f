/*
 * Media types: RFC 9110, 8.3.
 */
#ifndef TYPE_H
#define TYPE_H

/* Returns the media type for the name of a file. */
const char *type_of(const char *name);

#endif
