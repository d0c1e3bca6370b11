# SPDX-License-Identifier: MIT
# fusiform: `make run` builds the program and runs its demonstration, `make test` the tests; `make help` lists the rest.
# Needs a C11 compiler and make, nothing else.
#
#   OPENMP=0                     without threads (default: with them where the compiler has OpenMP)
#   SANITIZE=address,undefined   with sanitizers
#   CROSS=aarch64-linux-gnu- RUN="qemu-aarch64 -L /usr/aarch64-linux-gnu"     for another machine, run under an emulator
#   BUILD=folder                 where everything but ./fusiform goes (default build); PROGRAM=path for ./fusiform itself

CC      = $(CROSS)gcc
AR      = $(CROSS)ar
CXX     = $(if $(findstring clang,$(CC)),clang++,$(CROSS)g++)
CFLAGS  = -O2
LDFLAGS =
PREFIX  = /usr/local
DESTDIR =
bindir     = $(PREFIX)/bin
libdir     = $(PREFIX)/lib
includedir = $(PREFIX)/include
datadir    = $(PREFIX)/share
mandir     = $(datadir)/man
docdir     = $(datadir)/doc/fusiform
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
             -ffp-contract=off $(EXACT) -D_FILE_OFFSET_BITS=64 -ffile-prefix-map='$(CURDIR)=.' -I. -MMD -MP
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
OMP_LIB     = -fopenmp
else ifeq ($(OPENMP),apple)
FUS_CFLAGS += -Xpreprocessor -fopenmp -I$(BREW_OMP)/include
FUS_LIBS   += -L$(BREW_OMP)/lib -lomp
endif
ifneq ($(SANITIZE),)
SAN_FLAGS   = -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer -g
FUS_CFLAGS += $(SAN_FLAGS)
endif

# In the order of the data's way.
LIB_SRC  = $(foreach folder,nn weights stimuli analysis,$(sort $(wildcard $(folder)/*.c $(folder)/*/*.c $(folder)/*/*/*.c)))
TOOL_SRC = $(sort $(wildcard tools/*.c))
TEST_SRC = $(sort $(wildcard tests/test_*.c))
FUZZ_SRC = $(filter-out tests/fuzz_driver.c,$(sort $(wildcard tests/fuzz_*.c)))
# Public headers, and with them every header that they include.
PUBLIC   = nn/base/base.h nn/base/number.h nn/base/rng.h nn/base/sha256.h nn/nn.h weights/weights.h weights/text_model.h weights/tokens.h stimuli/stimuli.h \
           analysis/analysis.h analysis/inference.h analysis/report/report.h analysis/localizer/localizer.h \
           analysis/localizer/model.h $(wildcard nn/train/train.h)
HEADERS  = $(sort $(filter %.h,$(shell $(CC) -std=c11 -I. -MM $(PUBLIC))))
DEMO     = $(foreach name,vision control lang clip,weights/demo/$(name).safetensors)
LIB      = $(BUILD)/libfusiform.a
LIB_OBJ  = $(LIB_SRC:%.c=$(BUILD)/%.o)
PIC_OBJ  = $(LIB_SRC:%.c=$(BUILD)/pic/%.o)
TOOL_OBJ = $(TOOL_SRC:%.c=$(BUILD)/%.o)
TESTS    = $(TEST_SRC:%.c=$(BUILD)/%)
FUZZERS  = $(FUZZ_SRC:%.c=$(BUILD)/%)
EXAMPLES = $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/examples/*.c)))
COMPILE  = $(CC) $(FUS_CFLAGS) $(CFLAGS)

# The shared library. ABI: raised where a program linked with the library before must be linked anew.
ABI      = 0
VERSION := $(shell sed -n 's/^$(hash)define FUS_VERSION "\(.*\)"/\1/p' nn/base/base.h)
DATE    := $(shell sed -n 's/^$(hash)$(hash) $(VERSION) (\([-0-9]*\))$$/\1/p' CHANGELOG.md 2>/dev/null)
ifeq ($(shell uname -s)$(CROSS),Darwin)
SO       = libfusiform.$(ABI).dylib
SO_LINK  = libfusiform.dylib
SO_FLAGS = -dynamiclib -install_name $(libdir)/$(SO) -Wl,-exported_symbol,_fus_*
else
SO       = libfusiform.so.$(ABI)
SO_LINK  = libfusiform.so
SO_FLAGS = -shared -Wl,-soname,$(SO) -Wl,--version-script=$(BUILD)/fus.map
endif

all: $(PROGRAM) $(LIB)

# Compiles on all processors where no -j was given.
PARALLEL = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1))
.PHONY: compiled-program compiled-tests
compiled-program compiled-tests:
	@$(MAKE) --no-print-directory $(PARALLEL) $(if $(filter %tests,$@),$(PROGRAM) tests,$(PROGRAM))

run: compiled-program
	./$(PROGRAM) run --model demo:vision --model demo:control --model demo:lang --model demo:clip \
	    --model 'untrained=random:resnet?stem=7x7&blocks=2,2,2&width=16&input=64&seed=1' \
	    --stimuli 'builtin?per_category=72&seed=777' --out out/demo --force

# The figures of README.md and METHOD.md. The first is one of `make run`; METHOD.md's exercises use the run of the second.
figures: run $(BUILD)/tests/examples/unit_grid
	cp out/demo/figures/fig3b.svg tests/golden/demo_proportion.svg
	./$(PROGRAM) run --model demo:vision --layers layer3.1.relu --stimuli 'builtin?per_category=24&seed=777&side=64' \
	    --out $(BUILD)/small --force >/dev/null
	$(BUILD)/tests/examples/unit_grid $(BUILD)/small vision layer3.1.relu tests/golden/unit_grid.svg

# The networks of `make run`, trained anew and compared with weights/demo: a quarter of an hour on two cores.
demo-networks: $(PROGRAM)
	sh weights/demo/breed.sh ./$(PROGRAM) out/demo-networks

# Scripts beside the test programs; make test SCRIPTS="tests/cli.sh": these alone.
SCRIPTS = tests/includes.sh tests/install.sh tests/method.sh $(sort $(wildcard tests/cli*.sh)) tests/resume.sh tests/hash.sh
test check: compiled-tests
	@FUSIFORM="$(CURDIR)/$(PROGRAM)" EXAMPLES="$(BUILD)/tests/examples" RUN="$(RUN)" MAKE="$(MAKE)" CC="$(CC)" CXX="$(CXX)" FLAGS="$(CFLAGS) $(SAN_FLAGS) $(LDFLAGS)" \
	    LIBS="$(OMP_LIB) $(FUS_LIBS)" sh tests/run.sh $(TESTS) $(SCRIPTS)

# The test programs: built, and run without the scripts.
tests: $(TESTS) $(EXAMPLES)
unit: $(TESTS)
	@RUN="$(RUN)" sh tests/run.sh $(TESTS)

# Built for other machines, the same bytes under emulation; skipped where a compiler or an emulator is missing.
check-cross: $(PROGRAM)
	@FUSIFORM="$(CURDIR)/$(PROGRAM)" BUILD="$(BUILD)/cross" MAKE="$(MAKE)" sh tests/cross.sh $(BOARDS)

# What tests/test_calibration.c and test_coverage.c do with a few simulated sets, with 2,000: the figures of METHOD.md, "Is the test calibrated?"
# Then shared concepts in 100 simulated studies without any, and five with ("Simulated participants").
# Then 24 untrained networks in random halves: p over relabelled networks ("What would convince a sceptic").
SEEDS = 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24
study: $(PROGRAM) $(patsubst %,$(BUILD)/tests/test_%,calibration coverage exemplars groups sdc_recovery)
	$(RUN) $(BUILD)/tests/test_calibration 2000
	$(RUN) $(BUILD)/tests/test_coverage 2000
	$(RUN) $(BUILD)/tests/test_exemplars 400
	$(RUN) $(BUILD)/tests/test_sdc_recovery 100
	$(RUN) ./$(PROGRAM) run $(foreach seed,$(SEEDS),--model 'u$(seed)=random:cifar_resnet20?seed=$(seed)') \
	    --stimuli 'builtin?per_category=24&seed=5' --correction none --out $(BUILD)/untrained --force >/dev/null
	$(RUN) $(BUILD)/tests/test_groups $(BUILD)/untrained
	@FUSIFORM="$(CURDIR)/$(PROGRAM)" RUN="$(RUN)" sh tests/relabel.sh

# The largest relative error of every statistic against the golden values of SciPy, NumPy and mpmath.
accuracy: $(TESTS)
	@for t in $(TESTS); do $(RUN) $$t 2>&1 | sed -n "s|^largest relative error: |$$(basename $$t)  |p"; done

bench: $(PROGRAM)
	./$(PROGRAM) bench --totals
	sh tests/bench/bench.sh ./$(PROGRAM)
	sh tests/bench/sdc.sh ./$(PROGRAM)

$(BUILD)/%.o: %.c $(BUILD)/command
	@mkdir -p $(@D)
	@echo "  CC  $<"
	@$(COMPILE) -c $< -o $@

# clang takes minutes to compile the kernels with sanitizers; gcc's build has them.
ifneq ($(and $(SANITIZE),$(findstring clang,$(CC))),)
$(BUILD)/nn/kernel/kernel_%.o $(BUILD)/pic/nn/kernel/kernel_%.o: FUS_CFLAGS += -fno-sanitize=all
endif

# The demonstration networks, which weights/demo.c links in.
$(BUILD)/weights/demo.o $(BUILD)/pic/weights/demo.o: $(DEMO)
$(DEMO):
	@echo "$@ is missing; it is part of the program: \`git checkout $@\`, or unpack the sources again" >&2; exit 1

# What everything was built with: written anew, and everything with it, only where it changes.
$(BUILD)/command: always
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(COMMAND))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(COMMAND))' >$@

$(LIB): $(LIB_OBJ)
	@echo "  AR  $@"
	@rm -f $@
	@$(AR) rcsD $@ $(LIB_OBJ) 2>/dev/null || { rm -f $@ && ZERO_AR_DATE=1 $(AR) rcs $@ $(LIB_OBJ); } # macOS has no D

# Objects of their own, since position-independent code is slower on some machines.
$(BUILD)/pic/%.o: %.c $(BUILD)/command
	@mkdir -p $(@D)
	@echo "  CC  $< (shared)"
	@$(COMPILE) -fPIC -c $< -o $@

$(BUILD)/$(SO): $(PIC_OBJ)
	@echo "  LD  $@"
	@echo '{ global: fus_*; local: *; };' >$(BUILD)/fus.map
	@$(COMPILE) $(LDFLAGS) $(SO_FLAGS) $(PIC_OBJ) $(FUS_LIBS) -o $@
shared: $(BUILD)/$(SO)

$(PROGRAM): $(TOOL_OBJ) $(LIB)
	@echo "  LD  $@"
	@$(COMPILE) $(LDFLAGS) $(TOOL_OBJ) $(LIB) $(FUS_LIBS) -o $@

$(BUILD)/tests/test_%: $(BUILD)/tests/test_%.o $(LIB)
	@echo "  LD  $@"
	@$(COMPILE) $(LDFLAGS) $(filter %.o,$^) $(LIB) $(FUS_LIBS) -o $@
$(BUILD)/tests/test_args: $(BUILD)/tools/args.o

$(BUILD)/tests/examples/%: $(BUILD)/tests/examples/%.o $(LIB)
	@echo "  LD  $@"
	@$(COMPILE) $(LDFLAGS) $< $(LIB) $(FUS_LIBS) -o $@
examples: $(EXAMPLES)

# `make fuzz CC=clang FUZZ=1 SANITIZE=address,undefined` for libFuzzer; else a driver that mutates the files it is given.
ifeq ($(FUZZ),1)
FUZZ_LINK = -fsanitize=fuzzer
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

# A build in another folder is equal to the one here, byte for byte.
repro: $(PROGRAM) $(LIB) $(BUILD)/$(SO)
	@rm -rf $(BUILD)/repro && mkdir -p $(BUILD)/repro/another/folder
	@cp -r Makefile nn weights stimuli analysis tools $(BUILD)/repro/another/folder/
	@$(MAKE) -s -C $(BUILD)/repro/another/folder BUILD=build PROGRAM=fusiform CC="$(CC)" all shared >/dev/null
	@cmp $(PROGRAM) $(BUILD)/repro/another/folder/fusiform
	@cmp $(LIB) $(BUILD)/repro/another/folder/build/libfusiform.a
	@cmp $(BUILD)/$(SO) $(BUILD)/repro/another/folder/build/$(SO)
	@echo "repro: two builds in two folders are equal"

# Format of the C sources: .clang-format (version 14), and comments that fill a line end at column 100.
CLANG_FORMAT = $(firstword $(shell command -v clang-format-14 clang-format))
C_FILES      = $(shell git ls-files '*.c' '*.h')
format:
	$(CLANG_FORMAT) -i $(C_FILES)
format-check:
	@$(CLANG_FORMAT) --dry-run -Werror $(C_FILES)
	@awk -f tests/columns.awk $(C_FILES)
	@echo "format-check: nothing to change"

# Golden values of the tests, made anew by PyTorch, SciPy and Pillow (Debian: python3-torch python3-scipy python3-pil).
golden: $(PROGRAM)
	@for f in tests/golden/*.py; do echo $$f; /usr/bin/python3 $$f || exit 1; done
	git diff --exit-code tests/golden

# copy FILES,FOLDER,MODE: no `install`, which BusyBox of Debian lacks.
copy = mkdir -p $(DESTDIR)$(2) && cp $(1) $(DESTDIR)$(2)/ && cd $(DESTDIR)$(2) && chmod $(3) $(notdir $(1))
COMPLETION = $(datadir)/bash-completion/completions/fusiform $(datadir)/zsh/site-functions/_fusiform \
             $(datadir)/fish/vendor_completions.d/fusiform.fish

install: install-program install-library

# The program, its manual pages, completion in bash, zsh and fish, and the texts.
install-program: $(PROGRAM)
	sh tools/man.sh $(BUILD)/man "$(DATE)" $(RUN) ./$(PROGRAM)
	mkdir -p $(DESTDIR)$(bindir) $(DESTDIR)$(mandir)/man1 $(addprefix $(DESTDIR),$(dir $(COMPLETION)))
	cp $(PROGRAM) $(DESTDIR)$(bindir)/fusiform && chmod 755 $(DESTDIR)$(bindir)/fusiform
	cp $(BUILD)/man/*.1 $(DESTDIR)$(mandir)/man1/ && chmod 644 $(DESTDIR)$(mandir)/man1/fusiform*.1
	for f in $(COMPLETION); do n=$${f$(hash)$(hash)*/}; [ $$n != fusiform ] || n=fusiform.bash; \
	    cp tools/completion/$$n $(DESTDIR)$$f && chmod 644 $(DESTDIR)$$f || exit 1; done
	$(call copy,README.md METHOD.md CHANGELOG.md LICENSE,$(docdir),644)

# fusiform.pc is written here because it holds the folders.
install-library: all shared
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(libdir:$(PREFIX)%=$${prefix}%)' 'includedir=$(includedir:$(PREFIX)%=$${prefix}%)' '' 'Name: fusiform' \
	    'Description: Category-selective units of vision networks' 'Version: $(VERSION)' \
	    'Cflags: -I$${includedir}/fusiform' 'Libs: -L$${libdir} -lfusiform' \
	    'Libs.private: $(strip $(OMP_LIB) $(FUS_LIBS))' >$(BUILD)/fusiform.pc
	$(call copy,$(LIB) $(BUILD)/$(SO),$(libdir),644)
	ln -sf $(SO) $(DESTDIR)$(libdir)/$(SO_LINK)
	$(call copy,$(BUILD)/fusiform.pc,$(libdir)/pkgconfig,644)
	for h in $(HEADERS); do d=$(DESTDIR)$(includedir)/fusiform/$$(dirname $$h); \
	    mkdir -p $$d && cp $$h $$d/ && chmod 644 $$d/$$(basename $$h) || exit 1; done

uninstall:
	rm -f $(DESTDIR)$(bindir)/fusiform $(DESTDIR)$(mandir)/man1/fusiform.1 $(DESTDIR)$(mandir)/man1/fusiform-*.1 $(addprefix $(DESTDIR),$(COMPLETION))
	rm -f $(addprefix $(DESTDIR)$(libdir)/,pkgconfig/fusiform.pc libfusiform.a $(SO) $(SO_LINK))
	rm -rf $(DESTDIR)$(includedir)/fusiform $(DESTDIR)$(docdir)

# The sources as one file: the same bytes from a clone and from an unpacked one. Needs GNU tar.
DIST = fusiform-$(VERSION)
dist:
	@mkdir -p $(BUILD)
	@{ git ls-files 2>/dev/null | grep . || find . -type f | sed 's|^\./||' | grep -v '^\.git/\|^build\|^out/\|^fusiform$$'; } | \
	    LC_ALL=C sort >$(BUILD)/dist.txt
	@tar -cf - --no-recursion --format=ustar --mtime=@$(EPOCH) --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
	    --transform='s|^|$(DIST)/|' -T $(BUILD)/dist.txt | gzip -9n >$(BUILD)/$(DIST).tar.gz
	@echo "$(BUILD)/$(DIST).tar.gz"
EPOCH = $(shell date -u -d "$(DATE)" +%s)

# A package for Debian and Ubuntu: the program, manual pages, completion and texts.
DEB      = $(BUILD)/deb
DEB_ARCH = $(shell dpkg --print-architecture)
deb: $(PROGRAM)
	@rm -rf $(DEB) && mkdir -p $(DEB)/DEBIAN
	@$(MAKE) -s install-program DESTDIR=$(CURDIR)/$(DEB) PREFIX=/usr >/dev/null
	@strip $(DEB)/usr/bin/fusiform
	@gzip -9n $(DEB)/usr/share/man/man1/*.1 && mv $(DEB)/usr/share/doc/fusiform/LICENSE $(DEB)/usr/share/doc/fusiform/copyright
	@sh tools/debian.sh control $(VERSION) $(DEB_ARCH) $(DEB) >$(DEB)/DEBIAN/control
	@sh tools/debian.sh changelog $(VERSION) "$(DATE)" | gzip -9n >$(DEB)/usr/share/doc/fusiform/changelog.gz
	@gzip -9n $(DEB)/usr/share/doc/fusiform/CHANGELOG.md $(DEB)/usr/share/doc/fusiform/METHOD.md
	@(cd $(DEB) && find usr -type f | LC_ALL=C sort | xargs md5sum) >$(DEB)/DEBIAN/md5sums
	@chmod -R u=rwX,go=rX $(DEB)
	@SOURCE_DATE_EPOCH=$(EPOCH) dpkg-deb --root-owner-group --build $(DEB) $(BUILD)/fusiform_$(VERSION)_$(DEB_ARCH).deb

# One file that runs on every Linux of this processor, without libraries: `make static CC=musl-gcc`.
static:
	@$(MAKE) -s BUILD=$(BUILD)/static PROGRAM=$(BUILD)/static/fusiform CC="$(CC)" OPENMP=0 LDFLAGS="$(LDFLAGS) -static" $(BUILD)/static/fusiform
	@echo "$(BUILD)/static/fusiform"

clean:
	rm -rf $(BUILD) $(PROGRAM) out/demo out/demo-networks

help:
	@echo "make [all]    ./fusiform and $(LIB)"
	@echo "make run      the demonstration: four trained networks and an untrained one on drawn pictures, report in out/demo"
	@echo "make figures  the figures of README.md and METHOD.md, made anew"
	@echo "make demo-networks  these four trained anew, compared with the files in weights/demo (minutes)"
	@echo "make test     all tests (check is the same); times=1 lists the slowest; make tests builds them"
	@echo "make bench    speed, beside other engines where installed"
	@echo "make study    what the statistics promise, in 2,000 simulated sets (minutes)"
	@echo "make accuracy each statistic's largest error against SciPy's and NumPy's values"
	@echo "make fuzz     fuzz targets                       make golden   golden values, made anew"
	@echo "make check-cross  the same bytes from other machines' programs, under emulation (BOARDS=\"armhf s390x\": these)"
	@echo "make symbols  every global has its prefix        make repro    two builds are byte-equal"
	@echo "make shared   $(BUILD)/$(SO)      make uninstall, dist, clean"
	@echo "make format   clang-format on all C files        make format-check  nothing to format, no overlong line"
	@echo "make install  PREFIX=$(PREFIX) DESTDIR= libdir= includedir= mandir= docdir=   program, manual, completion, libraries,"
	@echo "              headers, fusiform.pc; install-program and install-library are its halves"
	@echo "make deb      a package for Debian and Ubuntu    make static CC=musl-gcc  one file without libraries"

.PHONY: all always shared run figures demo-networks test check tests unit examples check-cross study accuracy bench fuzz symbols repro format format-check golden install install-program install-library uninstall dist deb static clean help
.SECONDARY:
-include $(LIB_OBJ:.o=.d) $(PIC_OBJ:.o=.d) $(TOOL_OBJ:.o=.d) $(TEST_SRC:%.c=$(BUILD)/%.d) $(FUZZ_SRC:%.c=$(BUILD)/%.d) $(EXAMPLES:=.d)
