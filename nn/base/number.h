/* SPDX-License-Identifier: MIT */
/* Numbers in text: one grammar for options, specifications and tables.
 *
 *   whole  digits
 *   real   [-] digits [. digits] [e|E [+|-] digits], with digits on at least one side of the point
 *
 * Nothing else is a number: no blank before it, no plus sign, no 0x1p-4, inf or nan, nothing
 * beyond the type's range. A real is rounded to the nearest double; one too small for a double
 * becomes 0. The locale does not matter. */
#ifndef FUS_NUMBER_H
#define FUS_NUMBER_H

#include "nn/base/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { FUS_NUMBER_BYTES = 400 }; /* the longest text of a real, and room for any that fus_number_print writes */

/* False if text does not begin with a number. *rest is the end of the number; if rest is NULL, the
 * number must be the whole text. */
bool fus_number_whole(uint64_t *out, const char *text, const char **rest);
bool fus_number_real(double *out, const char *text, const char **rest);

/* Prints a finite x with the fewest significant digits (at least 15) that read back as x. Returns
 * the length. */
int fus_number_print(char text[FUS_NUMBER_BYTES], double x);

#ifdef __cplusplus
}
#endif

#endif
