"""Programs in which one statement of 08's request.c, or a part of one, is left
out or wrong. Each entry gives the bug, what the first failed check must say,
and the edits."""

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
bug('505 for a malformed version', '505 is for a well-formed version',
    ("    if (version.length != 8 ||",
     "    if (version.length > 5 && version.start[5] != '1')\n"
     "        return 505;\n    if (version.length != 8 ||"))
bug('any major version', 'whose first digit is not 1',
    ("version.start[5] == '1' ? OK : 505", "OK"))

bug('accepts any byte in an unknown method', 'in the method|no method',
    ("request->method == UNKNOWN && !is_token(method)", "0"))

# ------------------------------------------------------------- the target

bug('a fragment', '# in the target',
    ("return !is_control(byte) && byte != '#';",
     "return !is_control(byte);"))
bug('control characters in the target', 'a NUL in the target',
    ("return !is_control(byte) && byte != '#';", "return byte != '#';"))
bug('any byte in a query', 'the target .*[?]a',
    ("    if (!is_query(request->query))\n        return BAD;\n", ""))
bug('escapes are not decoded', 'stand for one byte',
    ("        if (byte == '%') {\n", "        if (0) {\n"))
bug('escapes are decoded twice', 'decode them once',
    ("    return decode(request->target, request->path);",
     "    static char once[MAX_TARGET + 1];\n"
     "    int status = decode(request->target, once);\n    return status == OK"
     " ? decode((struct text){once, strlen(once)}, request->path) : status;"))
bug('the second digit is not checked', 'two bytes after a %',
    (" || low == -1", ""))
bug('no byte below 0x10', "0 to 9|stand for one byte",
    (" || (high == 0 && low == 0)", " || high == 0"))
bug('%00 is accepted', 'ends at a NUL', (" || (high == 0 && low == 0)", ""))
bug('+ is decoded', 'a \\+ in a path is a plus',
    ("        *path++ = byte;\n",
     "        *path++ = byte == '+' ? ' ' : byte;\n"))
bug('the query loses its question mark', 'with its question mark',
    ("        request->query.start--;\n        request->query.length++;\n",
     "        request->target.length--;\n"))
bug('the query is not kept', 'with its question mark',
    ("    request->target.length -= request->query.length;\n",
     "    request->target.length -= request->query.length;\n"
     "    request->query.length = 0;\n"))
bug('accepts a user name before the host', 'no user name',
    ("    return host.length > 0 && *host.start != ':' && is_host(host);\n",
     "    const char *at = memchr(host.start, '@', host.length);\n"
     "    if (at != NULL)\n"
     "        host = (struct text){at + 1, host.length\n"
     "                             - (size_t)(at + 1 - host.start)};\n"
     "    return host.length > 0 && *host.start != ':' && is_host(host);\n"))
bug('a target without a host', 'must not be empty',
    ("host.length > 0 && *host.start != ':' && is", "is"))
bug('an empty path', 'an empty path',
    ("    if (request->target.length == 0)\n"
     "        request->target = (struct text){\"/\", 1};\n", ""))
bug('* and more', 'is \\* alone',
    ("target.length == 1 && *target.start == '*'",
     "target.length > 0 && *target.start == '*'"))
bug('* with OPTIONS is rejected', 'may ask for \\*',
    ("request->method == OPTIONS ? OK : BAD", "BAD"))
bug('CONNECT to anything', 'target of CONNECT is a host',
    ("target.length > 0 && is_host(target) ? OK : BAD", "OK"))
bug('CONNECT to an empty host', 'target of CONNECT is a host',
    ("target.length > 0 && is_host(target) ? OK", "is_host(target) ? OK"))
bug('the parser returns 405 for CONNECT', 'the parser accepts it',
    ("is_host(target) ? OK : BAD", "is_host(target) ? 405 : BAD"))
bug('POST needs a host', 'that of CONNECT differs',
    (" && is_word(method, \"CONNECT\")", ""))

# ------------------------------------------------------------- the fields

bug('a blank before the colon', 'X-Filler : 1',
    ("is_token(name) ?", "is_token(trim(name)) ?"))
bug('no port in Host', 'the Host ladder%2e:80',
    ("        host = take_until(&port, ':');\n        if (!is_name(host))",
     "        host = text;\n        port.length = 0;\n"
     "        if (!is_name(host))"))
bug('a port has a limit', 'be any number',
    ("return is_port(port);", "return port.length < 6 && is_port(port);"))
bug('no brackets in Host', 'IPv6 address for Host',
    ("text.length > 0 && *text.start == '['", "0"))
bug('an address of any length is copied', 'than an address|still running',
    ("    if (text.length >= sizeof copy\n        ||", "    if ("))
bug('an address ends at a NUL', 'inet_pton stops',
    ("\n        || memchr(text.start, '\\0', text.length) != NULL)", ")"))
bug('no escapes in Host', 'the Host l%61dder',
    ("        if (text.start[at] != '%' ||", "        if (1 ||"))
bug('three bytes are skipped after %', 'the Host l%61<dder',
    ("        at += 2;\n", "        at += 3;\n"))
bug('few characters in Host', 'the Host a!b',
    ('".!..$.&\'()*+,-..0123456789.;.=.."',
     '".............-..0123456789......"'))
bug('the case of keep-alive', 'whatever its case',
    ('is_word(element, "keep-alive")',
     '(element.length == 10 && memcmp(element.start, "keep-alive", 10) == 0)'))
bug('the beginning of keep-alive', 'has no keep-alive',
    ('is_word(element, "keep-alive")', '(element.length > 9 && strncasecmp('
     'element.start, "keep-alive", 10) == 0)'))
bug('HTTP/1.0 stays open', 'decide whether the connection stays open',
    ("!request->close && (request->keep || !request->http10)",
     "!request->close"))
bug('Connection counts once', r'Connection: x.*in one field or several',
    ("return parse_connection(request, value);",
     "return again ? OK : parse_connection(request, value);"))

# --------------------------------------------------------------- the body

bug('the length is not stored', 'a body of 5 bytes follows',
    ("        request->length = length;\n", ""))
bug('the first length is compared, too', 'Content-Length: 5',
    ("(again && length != request->length)", "length != request->length"))
bug('no list of lengths', 'Content-Length: 5, 5',
    ("parse_digits(take_element(&list), &length)\n",
     "parse_digits(list, &length) || take_element(&list).length == 0\n"))
bug('accepts empty elements in a list of lengths', 'an empty element',
    ("        if (!parse_digits(take",
     "        struct text rest = list;\n"
     "        if (take_element(&rest).length == 0\n"
     "            && (again || rest.start != NULL)) {\n"
     "            list = rest;\n            continue;\n        }\n"
     "        if (!parse_digits(take"))
bug('a length has 31 bits', 'LLONG_MAX fits', ("> LLONG_MAX", "> INT_MAX"))
bug('an empty element after chunked', 'names one coding, chunked',
    ("element.length > 0 && request->chunked", "request->chunked"))
bug('the case of chunked', 'names one coding, chunked',
    ('is_word(element, "chunked")',
     '(element.length == 7 && memcmp(element.start, "chunked", 7) == 0)'))
bug('400 for an unknown coding', 'answer with 501',
    ("            return 501;\n", "            return BAD;\n"))
bug('accepts a length of 0 beside a coding', 'a Content-Length of 0 and',
    ("fields[CONTENT_LENGTH].start != NULL", "request->length > 0"))
bug('Content-Length is ignored', 'discard the body|Content-Length: 5',
    ("    case CONTENT_LENGTH:\n"
     "        return parse_length(request, value, again);\n", ""))
bug('Transfer-Encoding is ignored', 'names one coding, chunked',
    ("    case TRANSFER_ENCODING:\n"
     "        return parse_codings(request, value);\n", ""))
bug('the first Expect only', '100-continue, and Expect: 200-ok',
    ("    while (!request->http10 && fields[EXPECT]",
     "    if (!request->http10 && fields[EXPECT]"))
bug('the last Expect only', '200-ok, and Expect: 100-continue',
    ("        if (!is_word(value, \"100-continue\"))\n"
     "            return 417;\n",
     "        ;\n    if (!request->http10 && fields[EXPECT].start != NULL\n"
     "        && !is_word(value, \"100-continue\"))\n        return 417;\n"))
bug('one of several expectations', '100-continue, 200-ok',
    ('!is_word(value, "100', '!is_word(take_element(&value), "100'))

# --------------------------------------------------------------- the limits

bug('waits for the end of an endless line', 'may never come',
    ("return length < MAX_HEAD ? 0 : -414;", "return 0;"))
bug('the limit of a line is 8192 bytes', 'its limit is MAX_HEAD',
    ("return length < MAX_HEAD ? 0 : -414;",
     "return length < MAX_TARGET ? 0 : -414;"))
bug('rejects an incomplete line', 'has not arrived yet',
    ("return length < MAX_HEAD ? 0 : -414;", "return -414;"))
bug('rejects an incomplete head', 'has not arrived yet',
    ("return length < MAX_HEAD ? 0 : -431;", "return -431;"))
bug('a line waits for one more byte', 'within 16384 bytes',
    ("length < MAX_HEAD ? 0 : -414", "length <= MAX_HEAD ? 0 : -414"))
bug('waits for the end of an endless head', 'may never come',
    ("return length < MAX_HEAD ? 0 : -431;", "return 0;"))
bug('a head waits for one more byte', 'within 16384 bytes',
    ("length < MAX_HEAD ? 0 : -431", "length <= MAX_HEAD ? 0 : -431"))
bug('a head has no limit', 'bytes is too long',
    ("    if (length > MAX_HEAD)\n        rest.length = MAX_HEAD;\n", ""))
bug('the limit is one byte less', 'follows a head of 16384',
    ("rest.length = MAX_HEAD;", "rest.length = MAX_HEAD - 1;"))
bug('the limit is one byte more', 'head of 16385 bytes',
    ("rest.length = MAX_HEAD;", "rest.length = MAX_HEAD + 1;"))
