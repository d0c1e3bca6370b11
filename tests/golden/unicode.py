#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The tables of weights/unicode_tables.c, from the Unicode data of Python (14.0.0 in Debian's Python 3.11).

  unicode.py          writes weights/unicode_tables.c
  unicode.py --print  writes it to standard output
"""
import sys
import unicodedata

VERSION = "14.0.0"
HEAD = """/* Unicode %s: letters (categories L*), numbers (N*), lower case, composition. Made by
 * tests/golden/unicode.py; not edited by hand. */
#include "weights/unicode.h"

/* clang-format off */
"""


def ranges(kind):
    """[first, last] of the code points of a general category."""
    found = []
    for c in range(0x110000):
        if unicodedata.category(chr(c))[0] == kind:
            if found and found[-1][1] == c - 1:
                found[-1][1] = c
            else:
                found.append([c, c])
    return found


def lower_runs():
    """[first, last, step, last - first of the mapping]: characters with a lower case of one character."""
    runs = []
    for c in range(0x110000):
        low = chr(c).lower()
        if low == chr(c) or len(low) != 1:
            continue
        delta = ord(low) - c
        run = runs[-1] if runs else None
        gap = c - run[1] if run else 0
        if run and run[3] == delta and (gap == run[2] or (run[0] == run[1] and gap in (1, 2))):
            run[1], run[2] = c, gap
        else:
            runs.append([c, c, 1, delta])
    return runs


def pairs():
    """[base, mark, result]: canonical compositions below U+2000 with a mark of U+0300 to U+0345."""
    found = []
    for c in range(0xC0, 0x2000):
        parts = unicodedata.decomposition(chr(c)).split()
        if len(parts) != 2 or parts[0][0] == "<" or not 0x300 <= int(parts[1], 16) <= 0x345:
            continue
        if unicodedata.normalize("NFC", chr(c)) == chr(c):
            found.append([int(parts[0], 16), int(parts[1], 16), c])
    return sorted(found)


def table(kind, name, rows):
    """The C definition of an array of structs, in lines of at most 118 columns."""
    lines, line = [f"const struct {kind} {name}[{len(rows)}] = {{"], "   "
    for row in rows:
        item = " {" + ",".join(str(x) if i > 1 and kind.endswith("run") else hex(x) for i, x in enumerate(row)) + "},"
        if len(line) + len(item) > 118:
            lines.append(line)
            line = "   "
        line += item
    return "\n".join(lines + [line, "};", f"const size_t {name}_n = {len(rows)};", ""])


def text():
    parts = ["/* SPDX-License-Identifier: MIT */\n" + HEAD % VERSION]
    parts.append(table("fus_unicode_range", "fus_unicode_letters", ranges("L")))
    parts.append(table("fus_unicode_range", "fus_unicode_numbers", ranges("N")))
    parts.append(table("fus_unicode_run", "fus_unicode_lower_runs", lower_runs()))
    parts.append(table("fus_unicode_pair", "fus_unicode_pairs", pairs()))
    return "\n".join(parts)


def main():
    if unicodedata.unidata_version != VERSION:
        sys.exit(f"unicode.py: Unicode {VERSION} expected, this Python has {unicodedata.unidata_version}")
    if sys.argv[1:] == ["--print"]:
        sys.stdout.write(text())
    else:
        with open("weights/unicode_tables.c", "w") as f:
            f.write(text())


main()
