"""Builds the program that reads the heads of scripts: script_head.c."""

from harness import BEYOND, STAGES, TESTS, build

FUZZING = TESTS / 'fuzzing'
CORPUS = FUZZING / 'script-heads'
CGI, SERVER = BEYOND['cgi'].folder, STAGES['08'].folder


def build_heads(program, *words, command=None):
    """Builds the program. Returns the compiler's messages, or None."""
    return build(program, '-std=c99', '-g', '-O1', *words, f'-I{SERVER}',
                 f'-I{CGI}', FUZZING / 'script_head.c', CGI / 'head.c',
                 SERVER / 'text.c', command=command)
