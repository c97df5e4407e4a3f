/*
 * confine: starts an untrusted program so that it can do no harm. The program
 * may read only the system's folders and those that the options name, and write
 * only into those of -w and -t. It may not send signals to other processes or
 * read their memory, and may use only a limited part of the machine.
 * tests/grade starts students' programs with it.
 *
 *     confine -u 60600 -m 1024 -r /tmp/programs -- /tmp/programs/server 0
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char usage[] =
    "usage: confine [OPTION]... [--] PROGRAM [ARGUMENT]...\n"
    "       confine -l\n"
    "  -u NUMBER  run as this user and group\n"
    "  -m NUMBER  megabytes of memory, at most\n"
    "  -f NUMBER  megabytes of each file, at most\n"
    "  -n NUMBER  processes of its user, at most\n"
    "  -c NUMBER  seconds of processor time, at most\n"
    "  -r FOLDER  allow reading here, as in the system's folders\n"
    "  -w FOLDER  allow everything here\n"
    "  -t FOLDER  allow unnamed files here\n"
    "  -l         only print which protections this system has:\n"
    "             files, signals\n";

/* Exits because of an invalid argument. */
static void refuse(const char *argument) {
    fprintf(stderr, "confine: invalid argument: %s\n%s", argument, usage);
    exit(125);
}

static void fail(const char *what) {
    fprintf(stderr, "confine: %s: %s\n", what, strerror(errno));
    exit(126);
}

static unsigned long parse_number(const char *text) {
    if (*text == '\0' || text[strspn(text, "0123456789")] != '\0')
        refuse(text);
    return strtoul(text, NULL, 10);
}

static void limit(unsigned resource, unsigned long most) {
    struct rlimit limit = {most, most}, old;

    if (getrlimit(resource, &old) == 0 && old.rlim_max < most)
        limit.rlim_cur = limit.rlim_max = old.rlim_max;
    if (setrlimit(resource, &limit) == -1)
        fail("setrlimit");
}

static void become(uid_t user) {
    if (setgroups(0, NULL) == -1 || setresgid(user, user, user) == -1
        || setresuid(user, user, user) == -1)
        fail("another user");
}

/* ------------------------------------------------------------ files */

/* <linux/landlock.h> defines the same, but systems from 2020 lack it. */
enum {
    EXECUTE = 1 << 0,
    WRITE_FILE = 1 << 1,
    READ_FILE = 1 << 2,
    READ_DIR = 1 << 3,
};
#define READ (EXECUTE | READ_FILE | READ_DIR)
#define LANDLOCK_CREATE 444
#define LANDLOCK_ADD 445
#define LANDLOCK_RESTRICT 446

static const char *const system_folders[] = {
    "/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/etc",
    "/opt", "/nix", "/etc/resolv.conf", "/dev/urandom", "/proc/self"};

static int rules = -1;       /* Landlock's version; -1: none */
static uint64_t everything;  /* everything these rules can forbid */

/* Begins a set of rules. Anything that no later rule allows is forbidden. */
static void make_rules(void) {
    static const int rights[] = {0, 13, 14, 15, 15, 16};
    long version = syscall(LANDLOCK_CREATE, NULL, 0, 1);

    if (version < 1)
        return;
    everything = (1ULL << rights[version < 5 ? version : 5]) - 1;
    rules = (int)syscall(LANDLOCK_CREATE, &everything, sizeof everything, 0);
}

static void allow(const char *path, uint64_t rights) {
    struct {
        uint64_t rights;
        int32_t folder;
    } __attribute__((packed)) rule = {rights & everything, -1};
    struct stat status;

    if (rules == -1)
        return;
    rule.folder = open(path, O_PATH | O_CLOEXEC);
    if (rule.folder == -1 || fstat(rule.folder, &status) == -1)
        return;  /* not every system has every folder */
    if (!S_ISDIR(status.st_mode))
        rule.rights &= EXECUTE | WRITE_FILE | READ_FILE;
    if (syscall(LANDLOCK_ADD, rules, 1, &rule, 0) == -1)
        fail(path);
    close(rule.folder);
}

static void enforce_rules(void) {
    if (rules == -1)
        return;
    for (size_t i = 0; i < sizeof system_folders / sizeof *system_folders; i++)
        allow(system_folders[i], READ);
    allow("/dev/null", READ_FILE | WRITE_FILE);
    allow("/dev/full", READ_FILE | WRITE_FILE);
    if (syscall(LANDLOCK_RESTRICT, rules, 0) == -1)
        fail("landlock_restrict_self");
    close(rules);
}

/* ------------------------------------------------------------ calls */

#if defined __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined __riscv && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#endif

/* Calls that affect other processes, or leave something behind. */
static const int forbidden[] = {
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp,
    SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_setpriority,
    SYS_sched_setscheduler, SYS_sched_setparam, SYS_sched_setaffinity,
    SYS_shmget, SYS_semget, SYS_msgget, SYS_mq_open,
    SYS_add_key, SYS_request_key, SYS_keyctl, SYS_bpf, SYS_perf_event_open,
    SYS_userfaultfd, SYS_memfd_create,
    424 /* pidfd_send_signal */, 434 /* pidfd_open */,
    425 /* io_uring_setup */, 440 /* process_madvise */};

/* Calls whose first argument is a process, which must be the program's own. */
static const int with_process[] = {
    SYS_kill, SYS_tkill, SYS_tgkill, SYS_prlimit64};

#define MOST_STEPS 128
static struct sock_filter steps[MOST_STEPS];
static unsigned short count;

static void step(int code, uint32_t value, int if_true, int if_false) {
    if (count == MOST_STEPS)
        abort();
    steps[count++] = (struct sock_filter){(uint16_t)code, (uint8_t)if_true,
                                          (uint8_t)if_false, value};
}

static void load(size_t place) {
    step(BPF_LD | BPF_W | BPF_ABS, (uint32_t)place, 0, 0);
}

static void answer(uint32_t verdict) {
    step(BPF_RET | BPF_K, verdict, 0, 0);
}

#define REFUSED (SECCOMP_RET_ERRNO | EPERM)
#define IS (BPF_JMP | BPF_JEQ | BPF_K)
#define FIRST offsetof(struct seccomp_data, args[0])   /* the lower half, */
#define SECOND offsetof(struct seccomp_data, args[1])  /* little-endian   */

/* Refuses a call unless its argument is one of these two values. */
static void demand(int call, size_t place, uint32_t value, uint32_t other) {
    step(IS, (uint32_t)call, 0, 5);
    load(place);
    step(IS, value, 1, 0);
    step(IS, other, 0, 1);
    answer(SECCOMP_RET_ALLOW);
    answer(REFUSED);
}

/* Refuses a call whose second argument has this value. */
static void refuse_order(int call, uint32_t order) {
    step(IS, (uint32_t)call, 0, 4);
    load(SECOND);
    step(IS, order, 0, 1);
    answer(REFUSED);
    load(offsetof(struct seccomp_data, nr));
}

/* Writes the filter that examines each system call of the program. */
static void write_filter(void) {
#ifdef ARCHITECTURE
    uint32_t self = (uint32_t)getpid();

    load(offsetof(struct seccomp_data, arch));
    step(IS, ARCHITECTURE, 1, 0);
    answer(REFUSED);
    load(offsetof(struct seccomp_data, nr));
    step(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1);  /* x32's */
    answer(REFUSED);
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
        step(IS, (uint32_t)forbidden[i], 0, 1);
        answer(REFUSED);
    }
    /* clone3 fails with ENOSYS, so that libraries fall back on clone. */
    step(IS, 435, 0, 1);
    answer(SECCOMP_RET_ERRNO | ENOSYS);
    for (size_t i = 0; i < sizeof with_process / sizeof *with_process; i++)
        demand(with_process[i], FIRST, self, 0);  /* 0: its own process group */
    refuse_order(SYS_fcntl, F_SETOWN);
    refuse_order(SYS_fcntl, F_SETOWN_EX);
    refuse_order(SYS_ioctl, FIOSETOWN);
    refuse_order(SYS_ioctl, SIOCSPGRP);
    answer(SECCOMP_RET_ALLOW);
#endif
}

/* Returns whether the kernel accepts the filter. */
static bool filter_calls(void) {
    struct sock_fprog program = {0, steps};

    write_filter();
    program.len = count;
    return count > 0
           && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* ------------------------------------------------------------ the program */

static void tell(void) {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    make_rules();
    if (rules != -1)
        puts("files");
    if (filter_calls())
        puts("signals");
    exit(EXIT_SUCCESS);
}

static uid_t parse_options(int argc, char *argv[]) {
    uid_t user = getuid();
    int option;

    while ((option = getopt(argc, argv, "+u:m:f:n:c:r:w:t:l")) != -1) {
        switch (option) {
        case 'u':
            user = (uid_t)parse_number(optarg);
            break;
        case 'm':
            limit(RLIMIT_AS, parse_number(optarg) << 20);
            break;
        case 'f':
            limit(RLIMIT_FSIZE, parse_number(optarg) << 20);
            break;
        case 'n':
            limit(RLIMIT_NPROC, parse_number(optarg));
            break;
        case 'c':
            limit(RLIMIT_CPU, parse_number(optarg));
            break;
        case 'r':
            allow(optarg, READ);
            break;
        case 'w':
            allow(optarg, everything);
            break;
        case 't':
            allow(optarg, READ_FILE | WRITE_FILE);
            break;
        case 'l':
            tell();
            break;
        default:
            refuse("an option");
        }
    }
    if (optind == argc)
        refuse("no PROGRAM");
    return user;
}

int main(int argc, char *argv[]) {
    const char *preload = getenv("LADDER_PRELOAD");

    make_rules();
    uid_t user = parse_options(argc, argv);
    setsid();  /* fails, harmlessly, if we already lead a session */
    limit(RLIMIT_CORE, 0);
    if (user != getuid())
        become(user);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
        fail("prctl");
    enforce_rules();
    if (preload != NULL)  /* for the program, not for confine itself */
        setenv("LD_PRELOAD", preload, 1);
    filter_calls();
    execvp(argv[optind], argv + optind);
    fail(argv[optind]);
}
