# fusiform: `make run` builds the program and runs its demonstration, `make test` the tests; `make help` lists the rest.
# Needs a C11 compiler and make, nothing else.
#
#   OPENMP=0                     without threads (default: with them where the compiler has OpenMP)
#   SANITIZE=address,undefined   with sanitizers
#   CROSS=aarch64-linux-gnu- RUN="qemu-aarch64 -L /usr/aarch64-linux-gnu"     for another machine, run under an emulator
#   BUILD=folder                 where everything but ./fusiform goes (default build); PROGRAM=path for ./fusiform itself

CC      = $(CROSS)gcc
AR      = $(CROSS)ar
CFLAGS  = -O2
LDFLAGS =
PREFIX  = /usr/local
DESTDIR =
BUILD   = build
PROGRAM = fusiform
RUN     =
ifeq ($(origin CC) $(CROSS),default )
CC      = cc
endif
ifeq ($(notdir $(firstword $(CC))),tcc)
$(error tcc has no atomics and no vector types, which this program needs: build it with gcc or clang)
endif

# What the results depend on: no contraction, no fast-math, no native code. The kernels choose their instructions themselves.
FUS_CFLAGS = -std=c11 -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wdate-time \
             -ffp-contract=off $(EXACT) -D_FILE_OFFSET_BITS=64 -ffile-prefix-map=$(CURDIR)=. -I. -MMD -MP
FUS_LIBS   = -lm
hash      := \#

# Every operation is rounded to its own type (FLT_EVAL_METHOD 0). x87 and s390x need to be told so; nn/base/base.c refuses anything else.
NOT_EXACT  = printf '$(hash)include <float.h>\n$(hash)if FLT_EVAL_METHOD != 0\n$(hash)error\n$(hash)endif\n' | \
             $(CC) -std=c11 $(CFLAGS) $$flag -E -x c - >/dev/null 2>&1
EXACT     := $(shell for flag in '' -fexcess-precision=fast '-msse2 -mfpmath=sse'; do if $(NOT_EXACT); then echo "$$flag"; exit; fi; done)

# Threads, where a program with OpenMP links: flags of most compilers, then those of Apple's with Homebrew's libomp.
BREW_OMP  := $(firstword $(wildcard /opt/homebrew/opt/libomp /usr/local/opt/libomp))
OMP_APPLE  = -Xpreprocessor -fopenmp -I$(BREW_OMP)/include -L$(BREW_OMP)/lib -lomp
OMP_LINKS  = printf '$(hash)include <omp.h>\n$(hash)ifndef _OPENMP\n$(hash)error\n$(hash)endif\nint main(void){return omp_get_max_threads() < 1;}\n' >$$t/a.c && \
             $(CC) $(CFLAGS) $$t/a.c $(1) $(LDFLAGS) -o $$t/a >/dev/null 2>&1
OPENMP    := $(shell t=$$(mktemp -d) && { if $(call OMP_LINKS,-fopenmp); then echo 1; elif [ -n "$(BREW_OMP)" ] && \
             $(call OMP_LINKS,$(OMP_APPLE)); then echo apple; else echo 0; fi; rm -rf $$t; })
# 64-bit atomics, which ARMv5 and the like have in a library of the compiler's.
ATOMIC    := $(shell t=$$(mktemp -d) && printf '$(hash)include <stdatomic.h>\nstatic _Atomic unsigned long long x;\nint main(void){return (int)(x += 1);}\n' >$$t/a.c && \
             { $(CC) $(CFLAGS) $$t/a.c -o $$t/a || { $(CC) $(CFLAGS) $$t/a.c -latomic -o $$t/a && echo -latomic; }; } 2>/dev/null; rm -rf $$t)
FUS_LIBS  += $(ATOMIC)
ifeq ($(OPENMP),1)
FUS_CFLAGS += -fopenmp
else ifeq ($(OPENMP),apple)
FUS_CFLAGS += -Xpreprocessor -fopenmp -I$(BREW_OMP)/include
FUS_LIBS   += -L$(BREW_OMP)/lib -lomp
endif
ifneq ($(SANITIZE),)
FUS_CFLAGS += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer -g
endif

# In the order of the data's way.
LIB_SRC  = $(foreach folder,nn weights stimuli analysis,$(sort $(wildcard $(folder)/*.c $(folder)/*/*.c $(folder)/*/*/*.c)))
TOOL_SRC = $(sort $(wildcard tools/*.c))
TEST_SRC = $(sort $(wildcard tests/test_*.c))
FUZZ_SRC = $(filter-out tests/fuzz_driver.c,$(sort $(wildcard tests/fuzz_*.c)))
HEADERS  = nn/base/base.h nn/nn.h nn/base/sha256.h nn/base/rng.h weights/weights.h stimuli/stimuli.h analysis/analysis.h analysis/inference.h analysis/report/report.h
LIB      = $(BUILD)/libfusiform.a
LIB_OBJ  = $(LIB_SRC:%.c=$(BUILD)/%.o)
TOOL_OBJ = $(TOOL_SRC:%.c=$(BUILD)/%.o)
TESTS    = $(TEST_SRC:%.c=$(BUILD)/%)
FUZZERS  = $(FUZZ_SRC:%.c=$(BUILD)/%)
COMPILE  = $(CC) $(FUS_CFLAGS) $(CFLAGS)

all: $(PROGRAM) $(LIB)

run: $(PROGRAM)
	./$(PROGRAM) run --model 'random:resnet50?seed=1' --stimuli builtin --out out/demo --force

test check: $(PROGRAM) $(TESTS)
	@FUSIFORM="$(CURDIR)/$(PROGRAM)" RUN="$(RUN)" sh tests/run.sh $(TESTS) $(wildcard tests/method.sh) $(sort $(wildcard tests/cli*.sh)) tests/resume.sh tests/hash.sh

# Built for other machines, the same bytes under emulation; skipped where a compiler or an emulator is missing.
check-cross: $(PROGRAM)
	@FUSIFORM="$(CURDIR)/$(PROGRAM)" BUILD="$(BUILD)/cross" MAKE="$(MAKE)" sh tests/cross.sh $(BOARDS)

# What tests/test_calibration.c does with a few simulated sets, with 2,000: the figures of METHOD.md, section 8.
study: $(BUILD)/tests/test_calibration
	$(RUN) $(BUILD)/tests/test_calibration 2000

# The largest relative error of every statistic against the golden values of SciPy, NumPy and mpmath.
accuracy: $(TESTS)
	@for t in $(TESTS); do $(RUN) $$t 2>&1 | sed -n "s|^largest relative error: |$$(basename $$t)  |p"; done

bench: $(PROGRAM)
	./$(PROGRAM) bench --totals
	sh tests/bench/bench.sh ./$(PROGRAM)

$(BUILD)/%.o: %.c $(BUILD)/command
	@mkdir -p $(@D)
	@echo "  CC  $<"
	@$(COMPILE) -c $< -o $@

# What everything was built with: written anew, and everything with it, only where it changes.
$(BUILD)/command: always
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(COMMAND))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(COMMAND))' >$@

$(LIB): $(LIB_OBJ)
	@echo "  AR  $@"
	@rm -f $@
	@$(AR) rcsD $@ $(LIB_OBJ) 2>/dev/null || { rm -f $@ && ZERO_AR_DATE=1 $(AR) rcs $@ $(LIB_OBJ); } # macOS has no D

$(PROGRAM): $(TOOL_OBJ) $(LIB)
	@echo "  LD  $@"
	@$(COMPILE) $(LDFLAGS) $(TOOL_OBJ) $(LIB) $(FUS_LIBS) -o $@

$(BUILD)/tests/test_%: $(BUILD)/tests/test_%.o $(LIB)
	@echo "  LD  $@"
	@$(COMPILE) $(LDFLAGS) $< $(LIB) $(FUS_LIBS) -o $@

# `make fuzz CC=clang FUZZ=1 SANITIZE=address,undefined` for libFuzzer; else a driver that mutates the files it is given.
ifeq ($(FUZZ),1)
FUZZ_LINK = -fsanitize=fuzzer
$(BUILD)/nn/kernel/kernel_%.o: FUS_CFLAGS += -fno-sanitize=all # no parser there, and minutes to compile
FUS_CFLAGS += -fsanitize=fuzzer-no-link
else
FUZZ_LINK = $(BUILD)/tests/fuzz_driver.o
$(FUZZERS): $(BUILD)/tests/fuzz_driver.o
endif
$(BUILD)/tests/fuzz_%: $(BUILD)/tests/fuzz_%.o $(LIB)
	@echo "  LD  $@"
	@$(COMPILE) $(LDFLAGS) $< $(FUZZ_LINK) $(LIB) $(FUS_LIBS) -o $@
fuzz: $(FUZZERS)
COMMAND := $(COMPILE) $(LDFLAGS) $(FUS_LIBS)

# Every global symbol of the library starts with fus_.
symbols: $(LIB)
	@bad=$$($(CROSS)nm -g --defined-only $(LIB) | awk 'NF == 3 && $$3 !~ /^fus_/ && $$3 !~ /^__asan|^__odr|^\.gomp/ {print $$3}'); \
	if [ -n "$$bad" ]; then echo "without the prefix fus_:" $$bad; exit 1; fi; echo "symbols: all have the prefix fus_"

# Two builds in two folders are equal, byte for byte.
repro:
	@rm -rf $(BUILD)/repro && mkdir -p $(BUILD)/repro/one $(BUILD)/repro/another/folder
	@for d in one another/folder; do \
	    cp -r Makefile nn weights stimuli analysis tools $(BUILD)/repro/$$d/ && \
	    $(MAKE) -s -C $(BUILD)/repro/$$d BUILD=build PROGRAM=fusiform CC="$(CC)" all >/dev/null || exit 1; done
	@cmp $(BUILD)/repro/one/fusiform $(BUILD)/repro/another/folder/fusiform
	@cmp $(BUILD)/repro/one/build/libfusiform.a $(BUILD)/repro/another/folder/build/libfusiform.a
	@echo "repro: two builds in two folders are equal"

# Golden values of the tests, made anew by PyTorch, SciPy and Pillow (Debian: python3-torch python3-scipy python3-pil).
golden:
	@for f in tests/golden/*.py; do echo $$f; /usr/bin/python3 $$f || exit 1; done
	git diff --exit-code tests/golden

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib
	install -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/fusiform
	install -m 644 $(LIB) $(DESTDIR)$(PREFIX)/lib/libfusiform.a
	for h in $(HEADERS); do d=$(DESTDIR)$(PREFIX)/include/fusiform/$$(dirname $$h); install -d $$d && install -m 644 $$h $$d/ || exit 1; done

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/fusiform $(DESTDIR)$(PREFIX)/lib/libfusiform.a
	rm -rf $(DESTDIR)$(PREFIX)/include/fusiform

dist:
	@mkdir -p $(BUILD)
	git archive --format=tar.gz --prefix=fusiform/ -o $(BUILD)/fusiform.tar.gz HEAD

clean:
	rm -rf $(BUILD) $(PROGRAM) out/demo

help:
	@echo "make [all]    ./fusiform and $(LIB)"
	@echo "make run      the demonstration: an untrained ResNet-50 on drawn pictures, report in out/demo"
	@echo "make test     all tests (check is the same)      make bench    speed, beside other engines where installed"
	@echo "make study    what the statistics promise, in 2,000 simulated sets (minutes)"
	@echo "make accuracy each statistic's largest error against SciPy's and NumPy's values"
	@echo "make fuzz     fuzz targets                       make golden   golden values, made anew"
	@echo "make check-cross  the same bytes from other machines' programs, under emulation (BOARDS=\"armhf s390x\": these)"
	@echo "make symbols  every global has its prefix        make repro    two builds are byte-equal"
	@echo "make install  PREFIX=$(PREFIX) DESTDIR=          make uninstall, dist, clean"

.PHONY: all always run test check check-cross study accuracy bench fuzz symbols repro golden install uninstall dist clean help
.SECONDARY:
-include $(LIB_OBJ:.o=.d) $(TOOL_OBJ:.o=.d) $(TEST_SRC:%.c=$(BUILD)/%.d) $(FUZZ_SRC:%.c=$(BUILD)/%.d)
