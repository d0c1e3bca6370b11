/* SPDX-License-Identifier: MIT */
/* Unicode properties that the tokenizer of CLIP needs. unicode_tables.c names the version. */
#ifndef FUS_UNICODE_H
#define FUS_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool fus_unicode_is_letter(uint32_t c); /* general category L* */
bool fus_unicode_is_number(uint32_t c); /* general category N* */
bool fus_unicode_is_space(uint32_t c);

/* The simple lower case: one character for one. */
uint32_t fus_unicode_lower(uint32_t c);

/* The character that `base` and `mark` compose to; 0: none. Latin, Greek and Cyrillic letters with
 * a mark of U+0300 to U+0345, and Hangul. */
uint32_t fus_unicode_compose(uint32_t base, uint32_t mark);

/* Tables, in ascending order. */
struct fus_unicode_range {
    uint32_t first, last;
};
struct fus_unicode_run { /* c in first, first + step, ..., last has the lower case c + delta */
    uint32_t first, last;
    int32_t step, delta;
};
struct fus_unicode_pair {
    uint32_t base, mark, composed;
};
extern const struct fus_unicode_range fus_unicode_letters[], fus_unicode_numbers[];
extern const struct fus_unicode_run fus_unicode_lower_runs[];
extern const struct fus_unicode_pair fus_unicode_pairs[];
extern const size_t fus_unicode_letters_n, fus_unicode_numbers_n, fus_unicode_lower_runs_n, fus_unicode_pairs_n;

#endif
