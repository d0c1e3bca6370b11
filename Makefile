# fusiform: `make run` builds and runs the demonstration, `make test` the tests. Needs a C11 compiler and make.
#   OPENMP=0               without threads
#   SANITIZE=address,undefined
#   CROSS=aarch64-linux-gnu- RUN="qemu-aarch64 -L /usr/aarch64-linux-gnu"
#   BUILD=folder           where objects go (default build)

CC      = $(CROSS)cc
ifneq ($(CROSS),)
CC      = $(CROSS)gcc
endif
AR      = $(CROSS)ar
CFLAGS  = -O2 -g0
LDFLAGS =
PREFIX  = /usr/local
DESTDIR =
BUILD   = build
RUN     =

# What the results depend on: no contraction, no fast-math, no native code. Kernels choose their ISA themselves.
FUS_CFLAGS = -std=c11 -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wdate-time \
             -ffp-contract=off -ffile-prefix-map=$(CURDIR)=. -I. -MMD -MP
FUS_LIBS   = -lm
OPENMP     = $(shell printf 'int main(void){return 0;}' | $(CC) -fopenmp -x c - -o /dev/null 2>/dev/null && echo 1 || echo 0)
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
LIB_OBJ  = $(LIB_SRC:%.c=$(BUILD)/%.o)
TOOL_OBJ = $(TOOL_SRC:%.c=$(BUILD)/%.o)
TESTS    = $(TEST_SRC:%.c=$(BUILD)/%)

all: fusiform

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(FUS_CFLAGS) $(CFLAGS) -c $< -o $@

$(BUILD)/libfusiform.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) rcsD $@ $(LIB_OBJ)

fusiform: $(TOOL_OBJ) $(BUILD)/libfusiform.a
	$(CC) $(FUS_CFLAGS) $(CFLAGS) $(LDFLAGS) $(TOOL_OBJ) $(BUILD)/libfusiform.a $(FUS_LIBS) -o $@

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(BUILD)/libfusiform.a
	$(CC) $(FUS_CFLAGS) $(CFLAGS) $(LDFLAGS) $< $(BUILD)/libfusiform.a $(FUS_LIBS) -o $@

test check: $(TESTS)
	@RUN="$(RUN)" sh tests/run.sh $(TESTS)

clean:
	rm -rf $(BUILD) fusiform

.PHONY: all test check clean
.SECONDARY:
-include $(LIB_OBJ:.o=.d) $(TOOL_OBJ:.o=.d) $(TEST_SRC:%.c=$(BUILD)/%.d)
