"""Programs in which one statement of 08's request.c, or a part of one, is left
out or wrong. The bug, what must be said first, and the edits."""

from upkeep.bugs import bug as any_bug


def bug(name, says, *edits):
    any_bug('08', name, says, *edits)


# ------------------------------------------------------- the request line

bug('a valid request is rejected', 'get_text|which condition rejects',
    ("again || !is_host(value) ? BAD : OK", "again || is_host(value) ? BAD : "
     "OK"))
bug('the target ends at the last space', 'a space in the target',
    ("        target = take_until(&rest, ' ');\n",
     "        for (target = rest; memchr(rest.start, ' ', rest.length); )\n"
     "            target.length = (size_t)(rest.start - target.start)\n"
     "                            + take_until(&rest, ' ').length;\n"))
bug('the version is not stored', 'is the version stored',
    ("    request->http10 = version.start[7] == '0';\n", ''))
bug('HTTP/1.1 is taken for 1.0', 'keeps a connection after a response|1.1',
    ("request->http10 = version.start[7] == '0'",
     "request->http10 = version.start[7] == '1'"))
bug('later versions are taken for 1.0', 'treat a later minor version as 1.1',
    ("request->http10 = version.start[7] == '0'",
     "request->http10 = version.start[7] != '1'"))
bug('505 for a version of a wrong form', '505 is for a version of the right',
    ("    if (version.length != 8 ||",
     "    if (version.length > 5 && version.start[5] != '1')\n"
     "        return 505;\n    if (version.length != 8 ||"))
bug('any major version', 'whose first digit is not 1',
    ("version.start[5] == '1' ? OK : 505", "OK"))

# ------------------------------------------------------------- the target

bug('escapes are not decoded', 'stand for one byte',
    ("        if (byte == '%') {\n", "        if (0) {\n"))
bug('escapes are decoded twice', 'decode that once',
    ("    return decode(request->target, request->path);",
     "    static char once[MAX_TARGET + 1];\n"
     "    int status = decode(request->target, once);\n    return status == OK"
     " ? decode((struct text){once, strlen(once)}, request->path) : status;"))
bug('the second digit is not examined', 'two bytes after a %',
    (" || low == -1", ""))
bug('no byte below 0x10', "0 to 9|stand for one byte",
    (" || (high == 0 && low == 0)", " || high == 0"))
bug('%00 is accepted', 'ends at a NUL', (" || (high == 0 && low == 0)", ""))
bug('+ is decoded', 'a \\+ in a path is a plus',
    ("        *path++ = byte;\n",
     "        *path++ = byte == '+' ? ' ' : byte;\n"))
