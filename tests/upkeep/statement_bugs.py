"""Programs in which one statement of a stage's change is left out, or a part of
one: the likeliest mistakes. The stage, the bug, and what must be said first."""

from upkeep.bugs import bug

# ------------------------------------------------------------ the command line

bug('02', 'getopt does not know -a', '"a:" in the string', ('"a:h"', '"h"'))
bug('02', '-a has no argument', '"a:" in the string', ('"a:h"', '"ah"'))
bug('05 06', '-t has no argument', '"t:" in the string', ('ht:"', 'ht"'))
bug('02', 'break is forgotten', 'break',
    ('                usage_error(optarg);\n            break;\n',
     '                usage_error(optarg);\n'))
bug('05 06', 'break is forgotten at the end', 'break',
    ('86400);\n            break;\n', '86400);\n'))
bug('02', 'no case for -a', "a case 'a'", ("case 'a':", 'case 999:'))
bug('02 06', 'one option only', 'call it in a loop',
    ('while ((option = getopt', 'if ((option = getopt'))
bug('02', 'parse_number returns nothing', 'parse_number return',
    ('        usage_error(text);\n    return number;\n',
     '        usage_error(text);\n    return 15442;\n'))
bug('02', 'the port is not stored', 'sin_port',
    ('        address->sin_port =\n            htons((in_port_t)parse_number('
     'argv[optind++], 65535));\n', '        parse_number(argv[optind++], 65535'
     ');\n'))
bug('02 05', 'the limit is not compared', 'largest number',
    (' || number > limit', ''))

# --------------------------------------------------------------- the messages

bug('01', 'an errno without a row is not printed', 'in no row',
    ('        fprintf(stderr, "%s: %s\\n", call, strerror(number));\n',
     '        ;\n'))
