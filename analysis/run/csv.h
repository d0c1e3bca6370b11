/* SPDX-License-Identifier: MIT */
/* Fields of CSV tables (RFC 4180 with bare line feeds): numbers round-trip exactly and have a point
 * in every locale, a missing value is an empty field, names are quoted if necessary. Each function
 * writes a comma first; name writes `before` first.
 *
 * Names are quoted if they contain a comma, quote, tab or end of line, or begin with = + - @, like
 * formulas of spreadsheets. In a name that is not UTF-8, an invalid byte is written as \xe9 and a
 * backslash as \\; the same holds for a name that contains the text \x80 to \xff. unescape restores
 * the name, in place. */
#ifndef FUS_CSV_H
#define FUS_CSV_H

#include "nn/base/outfile.h"

void fus_csv_number(struct fus_outfile *f, double x);
void fus_csv_count(struct fus_outfile *f, size_t n);
void fus_csv_name(struct fus_outfile *f, const char *before, const char *name);
void fus_csv_unescape(char *name);

#endif
