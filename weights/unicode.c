/* SPDX-License-Identifier: MIT */
/* Unicode properties, by binary search in the tables: see unicode.h. Hangul composes by arithmetic
 * (The Unicode Standard 14.0, section 3.12). */
#include "weights/unicode.h"

static bool is_in(const struct fus_unicode_range *table, size_t n, uint32_t c)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c > table[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && c >= table[low].first;
}

bool fus_unicode_is_letter(uint32_t c)
{
    return c < 0x80 ? (c | 0x20) - 'a' < 26 : is_in(fus_unicode_letters, fus_unicode_letters_n, c);
}

bool fus_unicode_is_number(uint32_t c)
{
    return c < 0x80 ? c - '0' < 10 : is_in(fus_unicode_numbers, fus_unicode_numbers_n, c);
}

bool fus_unicode_is_space(uint32_t c)
{
    static const struct fus_unicode_range spaces[] = {
        {0x09, 0x0d},     {0x20, 0x20},     {0x85, 0x85},     {0xa0, 0xa0},     {0x1680, 0x1680},
        {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}};
    return is_in(spaces, sizeof spaces / sizeof *spaces, c);
}

uint32_t fus_unicode_lower(uint32_t c)
{
    size_t low = 0, high = fus_unicode_lower_runs_n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c > fus_unicode_lower_runs[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    const struct fus_unicode_run *r = fus_unicode_lower_runs + low;
    if (low == fus_unicode_lower_runs_n || c < r->first || (c - r->first) % (uint32_t)r->step)
        return c;
    return (uint32_t)((int32_t)c + r->delta);
}

static uint32_t compose_hangul(uint32_t base, uint32_t mark)
{
    const uint32_t first = 0xac00, n_vowels = 21, n_tails = 28;
    if (base >= 0x1100 && base < 0x1113 && mark >= 0x1161 && mark < 0x1161 + n_vowels)
        return first + ((base - 0x1100) * n_vowels + (mark - 0x1161)) * n_tails;
    if (base >= first && base < 0xd7a4 && (base - first) % n_tails == 0 && mark > 0x11a7 && mark < 0x11a7 + n_tails)
        return base + mark - 0x11a7;
    return 0;
}

uint32_t fus_unicode_compose(uint32_t base, uint32_t mark)
{
    size_t low = 0, high = fus_unicode_pairs_n;
    if (mark < 0x300 || mark > 0x345)
        return compose_hangul(base, mark);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct fus_unicode_pair *p = fus_unicode_pairs + middle;
        if (base > p->base || (base == p->base && mark > p->mark))
            low = middle + 1;
        else
            high = middle;
    }
    const struct fus_unicode_pair *p = fus_unicode_pairs + low;
    return low < fus_unicode_pairs_n && p->base == base && p->mark == mark ? p->composed : 0;
}
