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

# What the results depend on: no contraction, no fast-math, no native code. The kernels choose their instructions themselves.
FUS_CFLAGS = -std=c11 -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wdate-time \
             -ffp-contract=off -ffile-prefix-map=$(CURDIR)=. -I. -MMD -MP
FUS_LIBS   = -lm
OPENMP    := $(shell printf 'int main(void){return 0;}' | $(CC) -fopenmp -x c - -o /dev/null 2>/dev/null && echo 1 || echo 0)
ifeq ($(OPENMP),1)
FUS_CFLAGS += -fopenmp
endif
ifneq ($(SANITIZE),)
FUS_CFLAGS += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer -g
endif

# In the order of the data's way.
LIB_SRC  = $(sort $(wildcard nn/*.c)) $(sort $(wildcard weights/*.c)) $(sort $(wildcard stimuli/*.c)) $(sort $(wildcard analysis/*.c))
TOOL_SRC = $(sort $(wildcard tools/*.c))
TEST_SRC = $(sort $(wildcard tests/test_*.c))
FUZZ_SRC = $(filter-out tests/fuzz_driver.c,$(sort $(wildcard tests/fuzz_*.c)))
HEADERS  = nn/base.h nn/nn.h nn/sha256.h nn/rng.h weights/weights.h stimuli/stimuli.h analysis/analysis.h analysis/inference.h analysis/report.h
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

# What tests/test_calibration.c does with a few simulated sets, with 2,000: the figures of METHOD.md, section 8.
study: $(BUILD)/tests/test_calibration
	$(RUN) $(BUILD)/tests/test_calibration 2000

# The largest relative error of every statistic against the golden values of SciPy, NumPy and mpmath.
accuracy: $(TESTS)
	@for t in $(TESTS); do $(RUN) $$t 2>&1 | sed -n "s|^largest relative error: |$$(basename $$t)  |p"; done

bench: $(PROGRAM)
	./$(PROGRAM) bench --totals
	sh tests/bench/bench.sh ./$(PROGRAM)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC  $<"
	@$(COMPILE) -c $< -o $@

$(LIB): $(LIB_OBJ)
	@echo "  AR  $@"
	@rm -f $@
	@$(AR) rcsD $@ $(LIB_OBJ)

$(PROGRAM): $(TOOL_OBJ) $(LIB)
	@echo "  LD  $@"
	@$(COMPILE) $(LDFLAGS) $(TOOL_OBJ) $(LIB) $(FUS_LIBS) -o $@

$(BUILD)/tests/test_%: $(BUILD)/tests/test_%.o $(LIB)
	@echo "  LD  $@"
	@$(COMPILE) $(LDFLAGS) $< $(LIB) $(FUS_LIBS) -o $@

# `make fuzz CC=clang FUZZ=1 SANITIZE=address,undefined` for libFuzzer; else a driver that mutates the files it is given.
ifeq ($(FUZZ),1)
FUZZ_LINK = -fsanitize=fuzzer
$(BUILD)/nn/kernel_%.o: FUS_CFLAGS += -fno-sanitize=all # no parser there, and minutes to compile
FUS_CFLAGS += -fsanitize=fuzzer-no-link
else
FUZZ_LINK = $(BUILD)/tests/fuzz_driver.o
$(FUZZERS): $(BUILD)/tests/fuzz_driver.o
endif
$(BUILD)/tests/fuzz_%: $(BUILD)/tests/fuzz_%.o $(LIB)
	@echo "  LD  $@"
	@$(COMPILE) $(LDFLAGS) $< $(FUZZ_LINK) $(LIB) $(FUS_LIBS) -o $@
fuzz: $(FUZZERS)

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
	for h in $(HEADERS); do install -D -m 644 $$h $(DESTDIR)$(PREFIX)/include/fusiform/$$h || exit 1; done

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
	@echo "make symbols  every global has its prefix        make repro    two builds are byte-equal"
	@echo "make install  PREFIX=$(PREFIX) DESTDIR=          make uninstall, dist, clean"

.PHONY: all run test check study accuracy bench fuzz symbols repro golden install uninstall dist clean help
.SECONDARY:
-include $(LIB_OBJ:.o=.d) $(TOOL_OBJ:.o=.d) $(TEST_SRC:%.c=$(BUILD)/%.d) $(FUZZ_SRC:%.c=$(BUILD)/%.d)
