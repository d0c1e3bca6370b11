/* Fields of CSV tables (RFC 4180 with bare line feeds): numbers with as many digits as it takes to
 * read the same double back, with a point in every locale, a missing value as an empty
 * field, names in quotes where they need them. Each puts a comma first; name puts `before`.
 *
 * Names are quoted where a comma, quote, tab or end of line is in them, and where they begin
 * with = + - @, as formulas of spreadsheets do. A name that is not UTF-8 has \xe9 for such a
 * byte and \\ for a backslash; so has a name in which \x80 to \xff stands as text. unescape:
 * the name again, in place. */
#ifndef FUS_CSV_H
#define FUS_CSV_H

#include "nn/base/outfile.h"

void fus_csv_number(struct fus_outfile *f, double x);
void fus_csv_count(struct fus_outfile *f, size_t n);
void fus_csv_name(struct fus_outfile *f, const char *before, const char *name);
void fus_csv_unescape(char *name);

#endif
