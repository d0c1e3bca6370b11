/* SPDX-License-Identifier: MIT */
/* Intel's AMX: the instructions that kernel_amx.c is made of, and whether they may be used. Intel's
 * Software Developer's Manual, volume 2 (LDTILECFG, TILELOADD, TDPBF16PS, TILESTORED, TILEZERO,
 * TILERELEASE), volume 1, chapter 18. tests/amx_emulated.h has the same names in plain C.
 *
 * AMX_HERE: 1 where the compiler knows them. A tile register's number is a constant; strides are in
 * bytes. The compiler does not know which memory the instructions read and write. */
#if defined(__x86_64__) && defined(__linux__) && \
    ((defined(__clang__) && __clang_major__ >= 12) || (!defined(__clang__) && __GNUC__ >= 11))
#define AMX_HERE 1
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#define AMX_TARGET __attribute__((target("amx-tile,amx-bf16,avx512f")))
#define AMX_ORDERED(instruction)           \
    do {                                   \
        __asm__ volatile("" ::: "memory"); \
        instruction;                       \
        __asm__ volatile("" ::: "memory"); \
    } while (0)
#define AMX_CONFIGURE(config) AMX_ORDERED(_tile_loadconfig(config))
#define AMX_RELEASE() _tile_release()
#define AMX_ZERO(tile) _tile_zero(tile)
#define AMX_LOAD(tile, from, stride) AMX_ORDERED(_tile_loadd(tile, from, stride))
#define AMX_STORE(tile, to, stride) AMX_ORDERED(_tile_stored(tile, to, stride))
#define AMX_MULTIPLY(sums, a, b) _tile_dpbf16ps(sums, a, b)

/* CPUID.7.0:EDX, XCR0: that the CPU has the instructions, and that the system saves the registers.
 * Linux gives a process their memory on demand (arch_prctl, ARCH_REQ_XCOMP_PERM): all its threads
 * from then on, whenever they began. It refuses where a signal stack is too small for them. */
static bool amx_detect(void)
{
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    unsigned a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return false;
    if ((d >> 22 & 1) == 0 || (d >> 24 & 1) == 0 || !__builtin_cpu_supports("avx512f"))
        return false;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low >> 17 & 3) == 3 && syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}
#else
#define AMX_HERE 0
#endif
