# For GNU make. `make help` prints the lines below that begin with #*, and
# `make help-all` those that begin with #: as well.
#* make              build the program and the stub of every stage
#* make learn        show how far you are with the stubs, and what is next
#* make try-03       build and check the stub of a stage, up to a failure
#* make reset-03     restore a stub as handed out (yours is kept beside it)
#* make answer-03    show how a stub that passes differs from our program
#* make diff-03      show what a stage changes in the stage before it
#* make demo         show every stage at work, from the first to the last
#* make help-all     print all commands and variables
#:
#: make demo-03      show one stage at work
#: make serve        serve pages to browsers until Ctrl-C
#: make test         run the checks of every stage
#: make check-03     run the checks of one stage, on PROGRAM if that is set
#: make watch-05     draw a run of a stage, from 03 on: calls and packets
#: make wire         show the headers of our own packets, byte by byte
#: make clean        remove everything that was built
#: make try-05-framing
#:                   build and check the stub of an exercise; also diff-,
#:                   reset-, answer- and check-05-framing
#:
#: For teachers:
#: make teach        print a plan for fifty minutes, and one for fifty more
#: make handout      make a copy for students, without the answers
#: make grade        grade the submission in the folder PROGRAM_DIR
#:
#: For maintainers:
#: make faults       run the programs of 04 to 08 under random faults
#: make bench        compare the speed of the servers with that of others
#: make lint         check all sources and texts without running them
#: make memcheck     run the checks under valgrind
#: make fuzz         feed generated input to 08
#: make mutants      change our programs, and print what the checks miss
#: make prove-stubs  prove that stubs and stages fit
#: make prove-learn  prove that make learn works as documented
#: make prove-messages
#:                   prove that the first failed check names the bug
#: make prove-checks prove that checks of rare events can fail
#: make prove-steps  prove that the steps of 07 and 08 lead to them
#: make pages        make the pages that 08 serves
#: make browse       check the pages in a browser
#: make prove-handout
#:                   prove that students can work in a hand-out
#: make prove-copies prove that the copies of files of 08 are up to date
#:
#: Beyond the ladder:
#: make cgi          build 08-http/cgi/server: 08 with CGI and WSGI
#: make test-cgi     run its checks, and the checks of 08 on it
#: make diff-cgi     show what it changes in 08
#: make tls          build 08-http/tls/server: the same with TLS (OpenSSL)
#: make test-tls     run its checks, and those of 08 with and without TLS
#: make diff-tls     show what it changes in 08-http/cgi
#:
#: Variables, from the environment or the command line:
#: CC, CPPFLAGS, CFLAGS, LDFLAGS, LDLIBS
#:                   the compiler and its flags
#: PROGRAM=path      what check-03 runs: a path, or a command with {port}
#: CHECK=name        check-03 and try-03 run only this check
#: WATCH=1           make learn looks again whenever a stub is saved
#: FORCE=1           make answer-03 works even if the stub does not pass
#: STEP=1            make demo waits for a key after each fact; make diff-07
#:                   shows only the first of its steps
#: PORT=N DIRECTORY=path
#:                   the port and the files of make serve (15441,
#:                   08-http/www)
#: DIRECTORY=path ANSWERS=03 UNTIL=05
#:                   where make handout puts the copy, the last stage with
#:                   an answer in it (none), and the last with a stub (08)
#: PROGRAM_DIR=path  what make grade grades; GRADE_FLAGS=...: its options
#: SEEDS=N FROM=N STAGES='05 07'
#:                   make faults: how many seeds (1000), the first one (1),
#:                   and the stages (04 to 08)
#: SAMPLE=N SEED=N   make mutants: how many changes (150), and which
#: MEMCHECK=1        check-03 and try-03 run programs under valgrind
#: SECONDS=N         how long make fuzz looks for new inputs (60)
#: PAGER=command     shows long output on a terminal (less); cat: no paging
#: V=1               show the commands
#: NO_COLOR=1        no colour, even on a terminal

CFLAGS ?= -O2 -g -Wall -Wextra -Wpedantic -Wshadow -Wconversion \
          -Wstrict-prototypes -std=c99

number = $(firstword $(subst -, ,$1))
numbers := $(sort $(foreach stage,$(wildcard 0[1-8]-*/.),\
             $(call number,$(stage))))
answers := $(basename $(wildcard 0[1-7]-*/server.c 0[1-7]-*/client.c)) \
           $(patsubst %/request.c,%/server,$(wildcard 08-*/request.c))
stubs := $(basename $(wildcard 0[1-8]-*/stub.c))
# Exercises: 05-framing is in 05-recv-send/framing. A bare make builds none.
exercise = $(call number,$1)-$(notdir $(patsubst %/,%,$(dir $1)))
exercise_lessons := $(foreach lesson,$(wildcard 0[1-8]-*/*/README.md),$(if \
  $(wildcard tests/stubs/$(call exercise,$(lesson)).c),$(lesson)))
exercises := $(foreach lesson,$(exercise_lessons),$(call exercise,$(lesson)))
exercise_answers := $(basename $(filter-out %/stub.c,$(wildcard \
                      $(exercise_lessons:%/README.md=%/*.c))))
exercise_stubs := $(basename $(wildcard \
                    $(exercise_lessons:%/README.md=%/stub.c)))
build := $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)
# tests/check runs make, too, which must not inherit the flags of this make.
check := env -u MAKEFLAGS -u MAKELEVEL tests/check
only = $(if $(CHECK),-k '$(CHECK)')
learn := env -u MAKEFLAGS -u MAKELEVEL tests/learn
hide := $(if $(filter 1,$(V)),,@)

.PHONY: all demo serve fuzz test faults grade bench learn clean FORCE
.PHONY: help help-all teach handout lint memcheck prove-stubs prove-learn
.PHONY: prove-handout prove-messages prove-steps pages browse wire mutants
.PHONY: prove-checks prove-copies cgi test-cgi diff-cgi tls test-tls diff-tls
.DELETE_ON_ERROR:

all: $(answers) $(stubs)

every_program := $(answers) $(stubs) $(exercise_answers) $(exercise_stubs)
$(every_program): %: %.c .flags
	$(if $(hide),@echo '$(CC) $@')
	$(hide)$(build) -o $@ $(filter %.c,$^) $(LDLIBS)

# The only program of several files. Its stub stands in for one of them.
08-http/server: $(filter-out %/stub.c,$(wildcard 08-http/*.c)) \
                $(wildcard 08-http/*.h)
08-http/stub: $(filter-out %/request.c,$(wildcard 08-http/*.c)) \
              $(wildcard 08-http/*.h)

# Beyond the ladder: the sources in the folder, and the rest from 08.
cgi := $(wildcard 08-http/cgi/*.c)
cgi += $(filter-out %/stub.c $(cgi:08-http/cgi/%=08-http/%),\
         $(wildcard 08-http/*.c))

cgi: 08-http/cgi/server

08-http/cgi/server: $(cgi) $(wildcard 08-http/*.h 08-http/cgi/*.h) .flags
	$(if $(hide),@echo '$(CC) $@')
	$(hide)$(build) -I08-http/cgi -I08-http -o $@ $(filter %.c,$^) $(LDLIBS)

test-cgi: 08-http/cgi/server
	@$(check) cgi $(only)
	@$(check) 08 $(only) --program 08-http/cgi/server

diff-cgi:
	@tests/page sh -c 'for new in 08-http/cgi/*.[ch]; do \
	    old=08-http/$${new##*/}; [ -e "$$old" ] || old=/dev/null; \
	    tests/diff "$$old" "$$new"; done'

# TLS: its own sources, then those of cgi and of 08 that it does not replace.
tls := $(wildcard 08-http/tls/*.c)
tls += $(filter-out $(tls:08-http/tls/%=08-http/cgi/%),\
         $(wildcard 08-http/cgi/*.c))
tls += $(filter-out %/stub.c $(addprefix 08-http/,$(notdir $(tls))),\
         $(wildcard 08-http/*.c))
pem := 08-http/tls/localhost.pem

tls: 08-http/tls/server $(pem)

08-http/tls/server: $(tls) .flags \
                    $(wildcard 08-http/*.h 08-http/cgi/*.h 08-http/tls/*.h)
	@echo '#include <openssl/ssl.h>' | \
	    $(CC) $(CPPFLAGS) -E -x c - >/dev/null 2>&1 || \
	    { echo 'make tls needs OpenSSL headers: install libssl-dev'; exit 1; }
	$(if $(hide),@echo '$(CC) $@')
	$(hide)$(build) -I08-http/tls -I08-http/cgi -I08-http -o $@ \
	    $(filter %.c,$^) -lssl -lcrypto $(LDLIBS)

# A self-signed certificate and its key, valid for a year.
$(pem):
	@command -v openssl >/dev/null || \
	    { echo 'make tls needs the openssl command: install openssl'; exit 1; }
	$(if $(hide),@echo 'openssl $@')
	$(hide)umask 077 && openssl req -x509 -days 365 -subj /CN=localhost \
	    -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
	    -addext subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1 \
	    -keyout $@ -out $@ 2>/dev/null

test-tls: tls $(answers)
	@$(check) tls $(only)
	@$(check) 08 $(only) --program 08-http/tls/server
	@$(check) 08 $(only) --program 08-http/tls/server --tls $(pem)

diff-tls:
	@tests/page sh -c 'for new in 08-http/tls/*.[ch]; do \
	    old=08-http/cgi/$${new##*/}; [ -e "$$old" ] || \
	    old=08-http/$${new##*/}; [ -e "$$old" ] || old=/dev/null; \
	    tests/diff "$$old" "$$new"; done'

# Changes when the compiler or the flags do, so that everything is built again.
quoted_flags := '$(subst ','\'',$(build) $(LDLIBS))'
.flags: FORCE
	@echo $(quoted_flags) | cmp -s - $@ || echo $(quoted_flags) >$@

demo: $(answers)
	@tests/demo $(if $(filter 1,$(STEP)),--step)

serve: 08-http/server
	@tests/serve

teach:
	@tests/page cat tests/teach.txt

test: $(answers) $(exercise_answers)
	@$(check)

SEEDS ?= 1000
FROM ?= 1
faults: $(answers) $(exercise_answers)
	@$(check) $(STAGES) --faults $(FROM)-$$(($(FROM) + $(SEEDS) - 1))

handout:
	$(if $(DIRECTORY),,$(error where to? DIRECTORY=path))
	@tests/handout "$$DIRECTORY" $(ANSWERS:%=--answers %) $(UNTIL:%=--until %)

# A submission may contain anything, so it is copied and built elsewhere.
grade:
	$(if $(PROGRAM_DIR),,$(error what is to be graded? PROGRAM_DIR=path))
	@tests/grade $(GRADE_FLAGS) "$$PROGRAM_DIR"

bench: $(answers)
	@tests/bench

lint:
	@tests/upkeep/lint

wire: $(answers) $(filter %/datagram,$(exercise_answers))
	@tests/wire

pages:
	@tests/upkeep/pages

browse: 08-http/server
	@tests/upkeep/browse

memcheck: $(answers) $(exercise_answers)
	@MEMCHECK=1 $(check)

fuzz:
	@tests/fuzzing/run $(if $(SECONDS),--seconds '$(SECONDS)')

mutants: $(answers)
	@tests/upkeep/mutants $(STAGES) $(if $(SAMPLE),--sample '$(SAMPLE)') \
	        $(if $(SEED),--seed '$(SEED)')

prove-stubs: $(answers) $(exercise_answers)
	@tests/upkeep/prove-stubs

prove-steps: $(answers)
	@tests/upkeep/prove-steps

prove-learn:
	@tests/upkeep/prove-learn

prove-messages: $(answers)
	@tests/upkeep/prove-messages

prove-checks: $(answers)
	@tests/upkeep/prove-checks

prove-handout:
	@tests/upkeep/prove-handout

prove-copies:
	@tests/upkeep/copies

# A student's stub may not compile, so checks of other programs must not depend
# on it.
tasks := $(sort $(numbers) $(exercises))
stage_checks := $(numbers:%=check-%)
stage_tries := $(numbers:%=try-%)
stage_demos := $(numbers:%=demo-%)
stage_diffs := $(numbers:%=diff-%)
stage_resets := $(tasks:%=reset-%)
stage_answers := $(tasks:%=answer-%)
exercise_checks := $(exercises:%=check-%)
exercise_tries := $(exercises:%=try-%)
exercise_diffs := $(exercises:%=diff-%)
stage_watches := $(filter-out watch-01 watch-02,$(numbers:%=watch-%))
.PHONY: $(stage_checks) $(stage_tries) $(stage_diffs) $(stage_demos)
.PHONY: $(stage_resets) $(stage_answers) $(stage_watches)
.PHONY: $(exercise_checks) $(exercise_tries) $(exercise_diffs)

$(exercise_checks): $(exercise_answers) $(filter $(exercise_stubs),$(PROGRAM))
$(stage_checks) $(exercise_checks): check-%: $(answers) \
                                             $(filter $(stubs),$(PROGRAM))
	@$(check) $* $(only) $(if $(PROGRAM),--program "$$PROGRAM")

$(foreach stub,$(stubs),$(eval try-$(call number,$(stub)): $(stub)))
$(foreach stub,$(exercise_stubs),$(eval try-$(call exercise,$(stub)): $(stub)))
$(stage_tries) $(exercise_tries): try-%: $(answers)
	@$(check) $* $(only) --program $(filter %/stub,$^) --first

$(stage_demos): demo-%: $(answers)
	@tests/demo $* $(if $(filter 1,$(STEP)),--step)

# Status 1 means that something is left to do, not that something is wrong. On
# Ctrl-C the script ends by itself, and the trap makes the shell wait for it.
learn:
	@trap : INT; $(learn) $(if $(filter 1,$(WATCH)),--watch) || [ $$? -ne 2 ]

$(stage_resets): reset-%:
	@$(learn) --reset $*

$(stage_answers): answer-%:
	@$(learn) --answer $* $(if $(filter 1,$(FORCE)),--force) || [ $$? -ne 2 ]

# Ctrl-C is handled by the script, which stops what it has started.
$(stage_watches): watch-%: $(answers)
	@trap : INT; tests/watch $*

# The stage before each: 07 continues 05, because 06 is the client.
diff-01: change = /dev/null 01-socket/server.c
diff-02: change = 01-socket/server.c 02-bind/server.c
diff-03: change = 02-bind/server.c 03-listen/server.c
diff-04: change = 03-listen/server.c 04-accept/server.c
diff-05: change = 04-accept/server.c 05-recv-send/server.c
diff-06: change = 05-recv-send/server.c 06-client/client.c
diff-07: change = 05-recv-send/server.c 07-select/server.c
diff-08: change = 07-select/server.c 08-http/server.c

# An exercise changes the program of its stage.
diff-04-datagram: change = 04-accept/server.c 04-accept/datagram/datagram.c
diff-05-framing: change = 05-recv-send/server.c 05-recv-send/framing/server.c
diff-06-rpc: change = 06-client/client.c 06-client/rpc/client.c
diff-07-publish: change = 07-select/server.c 07-select/publish/server.c
diff-07-queue: change = 07-select/server.c 07-select/queue/server.c

# Where there are too many changes for one diff, they come in steps.
stepped := $(foreach folder,$(wildcard 0[1-8]-*/steps),\
             diff-$(call number,$(folder)))
$(filter-out $(stepped),$(stage_diffs)) $(exercise_diffs):
	@tests/diff $(change)

$(stepped): diff-%:
	@tests/steps $* $(STEP)

watch-01 watch-02:
	$(error nothing passes between a server and a client before 03)

check-% try-% demo-% diff-% reset-% answer-% watch-%:
	$(error there is no stage $*, only $(tasks))

# Some rules are different in a hand-out.
-include tests/handout.mk

clean:
	@rm -rf 0[1-8]-*/server 0[1-8]-*/client 0[1-8]-*/stub 0[1-8]-*/*.dSYM \
	        0[1-8]-*/*/server 0[1-8]-*/*/client 0[1-8]-*/*/datagram \
	        0[1-8]-*/*/stub 0[1-8]-*/*/*.dSYM .flags .learn
	@find tests -name __pycache__ -exec rm -rf {} +

help:
	@sed -n 's/^#\* //p' Makefile

help-all:
	@sed -n 's/^#[*:] \{0,1\}//p' Makefile
