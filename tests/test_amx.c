/* SPDX-License-Identifier: MIT */
/* The row of AMX by the very source of nn/kernel/kernel_amx.c, its instructions emulated
 * (amx_emulated.h): every access within its arrays and every operand within its tiles, layers and
 * networks to the bit as by the naive loops, and what happens where AMX is refused. The library's
 * own object of that name is not linked, since all its symbols are here. */
#define AMX_TILES "tests/amx_emulated.h"
#define AMX_TESTS 1000
#include "bf16_layers.h"
#include "nn/kernel/kernel_amx.c"

/* ---- the emulator ---- */

static void expect_fault(const char *text)
{
    CHECK_MSG(amx_faults == 1 && strcmp(amx_fault_text, text) == 0, "%d faults: %s; expected: %s", amx_faults,
              amx_fault_text, text);
    amx_faults = 0;
}

/* The emulator finds what the hardware would, and memory that is not the layer's. */
static void test_faults(void)
{
    static float memory[16 * 16];
    struct config c = {.palette = 2, .row_bytes = {64, 64, 32}, .rows = {16, 16, 16}};
    amx_multiply(0, 1, 2);
    expect_fault("#UD: tiles are not configured");
    amx_configure(&c);
    expect_fault("#GP: no such palette");
    c.palette = 1;
    c.rows[1] = 17;
    amx_configure(&c);
    expect_fault("#GP: a tile is too large");
    c.rows[1] = 16;
    c.reserved[3] = 1;
    amx_configure(&c);
    expect_fault("#GP: a reserved byte");
    c.reserved[3] = 0;
    amx_configure(&c);
    amx_zero(3);
    expect_fault("#UD: this tile is not configured");
    amx_multiply(0, 1, 1);
    expect_fault("#UD: two operands are one tile");
    amx_multiply(0, 1, 2);
    expect_fault("#UD: columns of c and b differ");
    c.rows[1] = 8;
    amx_configure(&c);
    amx_multiply(0, 1, 2);
    expect_fault("#UD: rows of c and a differ");
    amx_multiply(1, 2, 0);
    expect_fault("#UD: rows of c and a differ");
    c.rows[1] = 4;
    amx_configure(&c);
    amx_multiply(0, 2, 1);
    expect_fault("#UD: columns of a are not rows of b");
#ifndef TEST_SANITIZED
    amx_load(0, memory, 64);
    expect_fault("a row is loaded from elsewhere");
    amx_allow(memory, sizeof memory);
    amx_load(0, memory, 68);
    expect_fault("a row is loaded from elsewhere");
    amx_store(0, memory + 1, 64);
    expect_fault("a row is stored elsewhere");
    amx_setting.n_allowed = 0;
#endif
    amx_release();
    amx_load(0, memory, 64);
    expect_fault("#UD: tiles are not configured");
}

/* ---- layers ---- */

static void test_layers(void)
{
    static const int shapes[][7] = {
        /* in_channels, channels, in_height (width 3/2 of it), kernel, stride, whole, groups */
        {3, 20, 9, 7, 2, 1, 0},   {3, 33, 38, 7, 2, 1, 0},  {3, 40, 8, 3, 1, 0, 0},   {3, 16, 33, 5, 2, 0, 0},
        {16, 16, 1, 3, 1, 0, 0},  {20, 33, 3, 3, 2, 1, 0},  {16, 40, 7, 3, 1, 1, 0},  {48, 20, 5, 5, 2, 0, 0},
        {32, 40, 12, 3, 1, 1, 0}, {17, 48, 24, 3, 2, 0, 0}, {144, 33, 3, 3, 1, 1, 0}, {300, 20, 4, 1, 1, 0, 0},
        {64, 200, 1, 1, 1, 1, 0}, {80, 40, 12, 1, 2, 1, 0}, {48, 48, 5, 3, 1, 0, 3},  {32, 32, 5, 3, 2, 1, 32},
        {16, 96, 17, 1, 1, 1, 0}, {40, 16, 8, 7, 1, 0, 0}};
    const struct fus_kernel *kernel = fus_kernels_pick(NULL, NULL);
    struct fus_rng r;
    fus_rng_seed(&r, 4);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int regime = ORDINARY; regime < REGIMES; regime += BOUNDARY) {
            struct setting s;
            if (regime && i % 3 != 1)
                continue;
            make(&s, shapes[i], (enum regime)regime, &r);
            for (int threads = 1; threads <= 3; threads += 2) {
                amx_setting.n_allowed = 0;
                watch = amx_allow;
                check_layer(&s, kernel, &fus_kernel_amx, threads);
                CHECK_MSG(amx_faults == 0, "layer %d: %d faults, %s", (int)i, amx_faults, amx_fault_text);
                CHECK(amx_configured == 0); /* each thread has released its tiles */
                amx_faults = 0;
            }
            free_setting(&s);
        }
}

/* ---- the choice of the row ---- */

static void forget(void)
{
    known = tested = 0;
}

static void test_choice(void)
{
    struct fus_error err = {0};
    char note[256] = "";
    forget();
    CHECK(fus_kernels_pick_bf16("amx", &err) == &fus_kernel_amx);
    CHECK(fus_kernels_pick_bf16("avx512", &err) != &fus_kernel_amx);
    if (!getenv("FUS_ISA")) {
        CHECK(fus_kernels_pick_bf16(NULL, &err) == &fus_kernel_amx);
        CHECK(!fus_kernels_refused(note, sizeof note));
    }
    forget();
    amx_setting.sequential = true;
    CHECK(fus_kernels_pick_bf16("amx", &err) == NULL);
    CHECK_MSG(strstr(err.msg, "FUS_ISA: 'amx' is refused: in its self-test tile ") &&
                  strstr(err.msg, "of 1000 differs from the scalar row"),
              "%s", err.msg);
    if (!getenv("FUS_ISA")) {
        CHECK(fus_kernels_pick_bf16(NULL, &err) == &fus_kernels_pick("avx512", NULL)->bf16);
        CHECK(fus_kernels_refused(note, sizeof note) && strstr(note, "another row is used"));
    }
    amx_setting.sequential = false;
    forget();
    amx_setting.detected = false; /* the system refuses */
    CHECK(fus_kernels_pick_bf16("amx", &err) == NULL);
    CHECK_MSG(strstr(err.msg, "FUS_ISA: 'amx' cannot run here") != NULL, "%s", err.msg);
    CHECK(getenv("FUS_ISA") || fus_kernels_pick_bf16(NULL, &err) == &fus_kernels_pick("avx512", NULL)->bf16);
    amx_setting.detected = true;
    known = 1, tested = -1; /* for the networks */
}

/* Whole networks, the sums of several threads among them. Their memory is not known here. */
static void test_networks(void)
{
    static const char *const isas[] = {"amx"};
    amx_setting.anywhere = true;
    check_networks(isas, 1);
    CHECK_MSG(amx_faults == 0, "%d faults, %s", amx_faults, amx_fault_text);
}

int main(void)
{
    test_faults();
    test_layers();
    if (fus_kernels_pick("avx512", NULL)) {
        test_choice();
        test_networks();
    } else
        SKIP("amx is the avx512 row but for products");
    return test_end();
}
