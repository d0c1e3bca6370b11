#!/bin/sh
# SPDX-License-Identifier: MIT
# What is installed beside the program, and packages of it: manual pages, completion, the tarball of the sources, a Debian package, a static program.
# usage: tests/package.sh     from the repository's root, after `make`; as root it also installs the Debian package and removes it
. tests/shell.sh
make=${MAKE:-make}
program=$PWD/fusiform

skip() {
    skipped=$((skipped + 1))
    echo "skipped: $*"
}

# ---- manual pages ----
ok "make install-program" $make -s install-program PREFIX="$work/usr"
man=$work/usr/share/man/man1
"$program" --list-commands | cut -f1 | while read -r command; do echo "$man/fusiform-$command.1"; done >"$work/pages"
ok "a page for each command" test "$(ls "$man"/fusiform-*.1 | LC_ALL=C sort)" = "$(LC_ALL=C sort "$work/pages")"
common="--threads --max-pixels" # of every command: in fusiform.1
aliases="--layers --out"        # of --layer and -o
every_option() {
    "$program" --list-commands | cut -f1 | while read -r command; do
        "$program" "$command" --list-options </dev/null | cut -f1 | while read -r option; do
            case " $common $aliases " in *" $option "*) continue ;; esac
            sed 's/\\-/-/g' "$man/fusiform-$command.1" | grep -qe "$option" || echo "$command $option"
        done
    done >"$work/missing"
    cat "$work/missing"
    test ! -s "$work/missing"
}
ok "every option of the tables is in its page" every_option
if command -v groff >/dev/null; then
    lint() { for page in "$man"/*.1; do groff -man -Tutf8 -ww -W break -z "$page"; done 2>"$work/lint" >/dev/null; cat "$work/lint"; test ! -s "$work/lint"; }
    ok "groff has no warning" lint
else
    skip "no groff"
fi

# ---- completion ----
if command -v bash >/dev/null; then
    complete() { # complete WORD... : what bash offers for the last word
        PATH=$PWD:$PATH bash -c '. tools/completion/fusiform.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _fusiform; echo ${COMPREPLY[@]}' - "$@"
    }
    ok "commands" test "$(complete fusiform le)" = lesion
    ok "options" test "$(complete fusiform run --perm)" = --permutations
    ok "words of an option" test "$(complete fusiform lesion --mode z)" = zero
    ok "files" test "$(complete fusiform run --model LICEN)" = LICENSE
else
    skip "no bash"
fi
for shell in zsh fish; do
    case $shell in zsh) file=_fusiform ;; *) file=fusiform.fish ;; esac
    if command -v $shell >/dev/null; then ok "$shell reads $file" $shell -n "tools/completion/$file"; else skip "no $shell"; fi
done

# ---- the tarball of the sources ----
if tar --version 2>/dev/null | grep -q GNU; then
    version=$("$program" --version | cut -d' ' -f2)
    name=fusiform-$version.tar.gz
    ok "make dist" $make -s dist BUILD="$work/build"
    mkdir "$work/unpacked"
    ok "it unpacks" tar -xzf "$work/build/$name" -C "$work/unpacked"
    (cd "$work/unpacked/fusiform-$version" && ok "make dist without git" $make -s dist BUILD=build) || failed=$((failed + 1))
    ok "the same bytes without git" cmp "$work/build/$name" "$work/unpacked/fusiform-$version/build/$name"
else
    skip "no GNU tar"
fi

# ---- packages ----
if command -v dpkg-deb >/dev/null && command -v objdump >/dev/null; then
    ok "make deb" $make -s deb
    deb=$(ls build/fusiform_*.deb)
    cp "$deb" "$work/first.deb"
    ok "make deb again" $make -s deb
    ok "the same bytes" cmp "$work/first.deb" "$deb"
    if [ "$(id -u)" = 0 ] && [ -z "$(command -v fusiform)" ]; then
        ok "dpkg installs it" dpkg -i "$deb"
        ok "it runs" fusiform --version
        ok "it is removed" dpkg -r fusiform
        ok "nothing is left" test ! -e /usr/bin/fusiform
    else
        skip "not root, or a fusiform is installed: the package was not installed"
    fi
    if command -v lintian >/dev/null; then ok "lintian finds no error" lintian --fail-on error "$deb"; else skip "no lintian"; fi
else
    skip "no dpkg-deb or objdump"
fi
if command -v musl-gcc >/dev/null; then
    ok "make static CC=musl-gcc" $make -s -j"$(getconf _NPROCESSORS_ONLN)" static CC=musl-gcc
    ok "it needs no library" sh -c '! readelf -d build/static/fusiform | grep -q NEEDED'
    ok "it runs" build/static/fusiform --version
else
    skip "no musl-gcc"
fi
finish
