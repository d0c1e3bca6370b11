#!/bin/sh
# SPDX-License-Identifier: MIT
# The files of a Debian package that hold its version: called by `make deb`.
# usage: tools/debian.sh control VERSION ARCHITECTURE FOLDER | tools/debian.sh changelog VERSION DATE
case $1 in
control)
    # The C library's version that the program needs, from the symbols that it names.
    glibc=$(objdump -T "$4/usr/bin/fusiform" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -n 1 | cut -d_ -f2)
    gomp=$(objdump -p "$4/usr/bin/fusiform" | grep -q libgomp && echo ", libgomp1")
    printf '%s\n' "Package: fusiform" "Version: $2" "Architecture: $3" \
        "Maintainer: The fusiform authors <fusiform@localhost.invalid>" "Installed-Size: $(du -k -s "$4/usr" | cut -f1)" \
        "Depends: libc6 (>= ${glibc:-2.17})$gomp" "Section: science" "Priority: optional" \
        "Description: functional localizer for deep networks" \
        " Finds the face-, body-, place- and word-selective units of the layers of" \
        " ResNet-50, CLIP and other networks, as an fMRI localizer finds the fusiform" \
        " face area, compares networks and writes a report. Results are the same bytes" \
        " on every machine."
    ;;
changelog)
    printf '%s\n' "fusiform ($2) unstable; urgency=medium" "" "  * What changed is in CHANGELOG.md beside this file." "" \
        " -- The fusiform authors <fusiform@localhost.invalid>  $(LC_ALL=C date -u -d "$3" -R)"
    ;;
*)
    echo "usage: tools/debian.sh control VERSION ARCHITECTURE FOLDER | changelog VERSION DATE" >&2
    exit 2
    ;;
esac
