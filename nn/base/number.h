/* Numbers in text, read in one way wherever a person or a file writes one: options,
 * specifications, tables.
 *
 *   whole  digits
 *   real   [-] digits [. digits] [e|E [+|-] digits], digits on one side of the point at least
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

/* False where text does not begin with a number. *rest is where the number ends; with rest NULL,
 * it must be the whole text. */
bool fus_number_whole(uint64_t *out, const char *text, const char **rest);
bool fus_number_real(double *out, const char *text, const char **rest);

/* A finite x with the fewest significant digits, 15 at least, that read back as x. Returns the
 * length. */
int fus_number_print(char text[FUS_NUMBER_BYTES], double x);

#ifdef __cplusplus
}
#endif

#endif
