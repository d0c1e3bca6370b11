#!/bin/sh
# SPDX-License-Identifier: MIT
# `make install` into a temporary folder: what lies there, each header by itself in C and C++, a program linked with the static and
# with the shared library, and `make uninstall`.
# usage: tests/install.sh     from the repository's root, as `make test` calls it: MAKE, CC, CXX, FLAGS, LIBS, RUN; quick=1: skipped
. tests/shell.sh
cc=${CC:-cc} cxx=${CXX:-c++} make=${MAKE:-make}
there=$work/usr
if [ -n "$quick" ]; then
    echo "skipped: make install builds the library a second time"
    skipped=1
    finish
    exit
fi
include=$there/include/fusiform

skip() {
    skipped=$((skipped + 1))
    echo "skipped: $*"
}
file_list() { (cd "$1" && find . ! -type d | LC_ALL=C sort); }

ok "make install" $make -s install PREFIX="$there" DESTDIR=
ok "make install DESTDIR=" $make -s install PREFIX=/usr DESTDIR="$work/dest"
file_list "$there" >"$work/files"
file_list "$work/dest/usr" >"$work/files.dest"
ok "the same files under DESTDIR" cmp "$work/files" "$work/files.dest"
for file in bin/fusiform lib/libfusiform.a lib/pkgconfig/fusiform.pc include/fusiform/nn/nn.h include/fusiform/analysis/analysis.h; do
    ok "$file" test -s "$there/$file"
done
ok "the program runs" ${RUN-} "$there/bin/fusiform" --version

# A program of C and C++ in one.
cat >"$work/use.c" <<'END'
#include "analysis/analysis.h"
#include "analysis/report/report.h"
#include "nn/base/rng.h"
#include "nn/base/sha256.h"
#include "nn/nn.h"
#include "stimuli/stimuli.h"
#include "weights/weights.h"

int main(void)
{
    struct fus_error err;
    struct fus_store *store = NULL;
    struct fus_net_spec spec;
    struct fus_image image;
    char text[200];
    if (fus_open_weights(&store, "random:resnet18?seed=1", &err) || fus_names_recognise(&spec, store, NULL, &err) ||
        fus_image_create(&image, 3, 2, &err))
        return 1;
    fus_networks_describe(text, sizeof text, &spec);
    printf("%s; %d x %d; %.6f; %s\n", text, image.width, image.height, fus_special_t_sf(2.0, 10.0), FUS_VERSION);
    fus_image_free(&image);
    fus_store_close(store);
    return 0;
}
END
expected="ResNet-18, input 224 x 224, 1000 classes; 3 x 2; 0.036694; $(sed -n 's/^#define FUS_VERSION "\(.*\)"/\1/p' nn/base/base.h)"

prints() { # prints PROGRAM...: what use.c prints
    LD_LIBRARY_PATH="$there/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" ${RUN-} "$@" >"$work/printed" &&
        echo "$expected" | diff - "$work/printed" >&2
}
builds() { # builds WHAT COMMAND...: the command makes $work/use, which runs
    what=$1
    shift
    rm -f "$work/use"
    ok "$what: build" "$@" -o "$work/use"
    ok "$what: run" prints "$work/use"
}

for header in $(cd "$include" && find . -name '*.h' | sed 's|^\./||' | LC_ALL=C sort); do
    printf '#include "%s"\n' "$header" >"$work/alone.c"
    ok "$header alone, C11" $cc -std=c11 -Wall -Wextra -pedantic -Werror -I"$include" -fsyntax-only "$work/alone.c"
    ok "$header: extern \"C\"" grep -q 'extern "C"' "$include/$header"
    if command -v "${cxx%% *}" >/dev/null; then
        ok "$header alone, C++11" $cxx -std=c++11 -Wall -Wextra -Werror -I"$include" -fsyntax-only -x c++ "$work/alone.c"
    else
        skip "$header alone, C++11: no $cxx"
    fi
done

c="$cc -std=c11 $FLAGS"
builds "C, static" $c -I"$include" "$work/use.c" "$there/lib/libfusiform.a" $LIBS
builds "C, shared" $c -I"$include" "$work/use.c" -L"$there/lib" -lfusiform
if command -v "${cxx%% *}" >/dev/null; then
    cp "$work/use.c" "$work/use.cpp"
    cxx_all="$cxx -std=c++11 $FLAGS"
    builds "C++, static" $cxx_all -I"$include" "$work/use.cpp" "$there/lib/libfusiform.a" $LIBS
    builds "C++, shared" $cxx_all -I"$include" "$work/use.cpp" -L"$there/lib" -lfusiform
else
    skip "C++ programs: no $cxx"
fi
if command -v pkg-config >/dev/null; then
    PKG_CONFIG_PATH=$there/lib/pkgconfig
    export PKG_CONFIG_PATH
    builds "pkg-config, shared" $c "$work/use.c" $(pkg-config --cflags --libs fusiform)
    builds "pkg-config, static" $c "$work/use.c" $(pkg-config --cflags fusiform) "$there/lib/libfusiform.a" \
        $(pkg-config --static --libs fusiform | sed 's/-lfusiform//')
else
    skip "pkg-config: not installed"
fi

# Which symbols the shared library shows, and the name that programs look for.
so=$there/lib/libfusiform.so
if [ -e "$so" ] && nm -D --defined-only "$so" >"$work/symbols" 2>/dev/null; then
    ok "symbols: at least 100" test "$(grep -c ' fus_' "$work/symbols")" -ge 100
    ok "symbols: fus_ alone" awk 'NF == 3 && $3 !~ /^fus_|^__asan|^__odr|^__ubsan|^__sancov/ { print; bad = 1 } END { exit bad }' "$work/symbols"
    ok "soname" grep -q libfusiform.so.0 "$so"
else
    skip "symbols of the shared library: no nm for it"
fi

ok "make uninstall" $make -s uninstall PREFIX="$there" DESTDIR=
ok "nothing left" test -z "$(file_list "$there")"
finish
