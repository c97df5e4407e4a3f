"""valgrind (MEMCHECK=1): how it is started, which checks make no sense under
it, and what its reports say."""

import re

# Each report goes to its own file, which takes up descriptor 3 in the program.
VALGRIND = ['valgrind', '--quiet', '--vgdb=no', '--track-fds=yes',
            '--leak-check=full', '--show-leak-kinds=definite,indirect,possible',
            '--num-callers=6']
VALGRINDS_OWN = 12  # how many of the highest descriptors it may use
WITHOUT_VALGRIND = {  # checks that make no sense with it, and why
    'prints_descriptor': 'valgrind has taken descriptor 3',
    'closed_streams': 'valgrind reuses the number of a closed stream',
    'closed_streams_not_opened': "valgrind reuses a closed stream's number",
    'default_folder_without_proc': 'valgrind itself needs /proc',
    'malloc_fails': 'valgrind has a malloc of its own',
    'few_descriptors': 'valgrind keeps its report open',
    'log_in_blocks': 'valgrind itself calls write',
    'socket_EMFILE': 'valgrind allows descriptors beyond the limit',
    'more_than_fit': 'valgrind allows descriptors beyond the limit',
    '08 out_of_descriptors': 'valgrind does not let it raise the limit',
    '08 log_rotated_when_full': 'valgrind does not let it raise the limit',
    '08 limit_restored': 'valgrind does not let it raise the limit',
    '08 files_above_clients': 'valgrind does not let it raise the limit',
    '08 memory_limited': 'valgrind does not let it raise the limit',
    '08 used_files_in_memory': 'valgrind needs more than 0.1 seconds',
    '08 limit_not_raised': 'valgrind does not let it raise the limit',
    '08 shortage_shared': 'valgrind does not let it raise the limit',
    '08 room_after_timeout': 'valgrind does not let it raise the limit',
    '08 nothing_remains': 'the memory of valgrind itself grows',
    'requests_without_reading': 'the memory of valgrind itself grows',
    'waits_quietly': 'valgrind itself is busy',
    'quiet_with_a_client': 'valgrind itself is busy',
    'tls idle_sessions_are_small': 'the memory of valgrind itself grows',
    'tls sessions_are_freed': 'the memory of valgrind itself grows',
    'tls hangup_without_tls': 'valgrind hides that a signal ended it',
    'cgi ab_runs_scripts': 'it takes minutes with valgrind',
    'cgi sees_three_descriptors': 'valgrind has descriptors of its own',
    'cgi no_interpreter': 'valgrind itself fails then',
    **{f'cgi execve_{name}': 'valgrind itself fails then' for name in (
        'E2BIG EACCES ELOOP ENOENT ENOEXEC ENOMEM ENOTDIR ETXTBSY').split()},
}


def complaints(report, descriptors):
    """Returns what valgrind reports: errors, leaks and, if asked for,
    descriptors that were open at the end."""
    text = re.sub(r'^==\d+== ?(FILE DESC.*\n)?', '', report, flags=re.MULTILINE)
    text = re.sub(r'\b0x[0-9A-F]+: | \(in \S+\)', '', text)
    ended = r'Process terminating .* \(SIG(INT|TERM)\)'
    if re.search(ended, text):
        descriptors = False
    return [block for block in re.split(r'\n\n+', text.strip())
            if block and '<inherited from parent>' not in block
            and not re.match(ended, block)
            and (descriptors or not block.startswith('Open '))]
