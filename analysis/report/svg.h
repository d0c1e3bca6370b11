/* SPDX-License-Identifier: MIT */
/* Writes SVG and HTML into a growing text.
 *
 * Names from outside are written with $e, which escapes markup. Numbers are formatted through
 * integers, so the result depends neither on the machine nor on the locale.
 *
 * Colours and classes: theme.h.  Scales: axis.h.  Panels: panels.h.  Panels of each figure:
 * figures.h. */
#ifndef FUS_SVG_H
#define FUS_SVG_H

#include "nn/base/base.h"
#include "nn/base/text.h"

/* Append fmt: text with these fields (arguments in order):
 *
 *   $f  double  coordinate: at most 2 decimals, no trailing zeros, 0 where not finite
 *   $0 .. $6  double  number for people with so many decimals: true minus sign, en
 *                     dash where not finite
 *   $r  double  number for people with 3 significant digits
 *   $t  double  a constant: at most 6 decimals, no trailing zeros
 *   $p  double  share as a percentage: 0.123 is 12.3%
 *   $v  double  probability: "< .001", "= .012", "undefined"
 *   $d  int     $z  size_t, thousands apart: 6,322,176
 *   $s  char *  verbatim: string literals only
 *   $e  char *  escaped for XML and HTML text and attributes; bytes that are no UTF-8, control and
 *               direction-changing characters become U+FFFD
 *   $$          a dollar sign */
void fus_svg_put(struct fus_text_buffer *s, const char *fmt, ...);

/* v with `decimals` (0..6) digits after the point, as $0..$6 write it. */
#define FUS_SVG_NUMBER_BYTES 40
void fus_svg_number(char text[FUS_SVG_NUMBER_BYTES], double v, int decimals);

/* Width of text in pixels, estimated generously for a sans-serif face (exact widths would need a
 * font). */
double fus_svg_width(const char *text, double font_size);

/* At most max_chars characters of text, the middle replaced by an ellipsis; out takes 4 *
 * max_chars + 1 bytes. */
void fus_svg_shorten(char *out, const char *text, int max_chars);

/* `bytes` as base64 (RFC 4648), for data: addresses. */
void fus_svg_base64(struct fus_text_buffer *s, const uint8_t *bytes, size_t n);

/* Write the text to path, whole or not at all. */
int fus_svg_save(const struct fus_text_buffer *s, const char *path, struct fus_error *err);

#endif
