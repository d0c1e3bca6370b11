#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds for other machines, and the same bytes from all of them under emulation (qemu-user): a small network, a small run.
# usage: tests/cross.sh [BOARD...]     default: all; FUSIFORM: this machine's program, BUILD: folder for theirs, MAKE, JOBS
build=${BUILD:-build/cross}
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)}
log=${TMPDIR:-/tmp}/fusiform-cross.$$
trap 'rm -f "$log"' EXIT
passed=0 failed=0 skipped=0 n=0
set -f
boards=${*:-armhf armhf-no-fma armel i686 aarch64 riscv64 s390x musl}
set --

skip() {
    skipped=$((skipped + 1))
    echo "skipped: $board: no $1 here"
}

# Static programs, which need no libraries of the other machine where the emulator runs.
board() { # board COMPILER EMULATOR VARIABLE=VALUE...; EMULATOR: "" on this machine itself
    compiler=$1 emulator=$2 folder=$build/${board%%-*}
    shift 2
    if ! command -v "$compiler" >/dev/null; then skip "$compiler"; return; fi
    if [ -n "$emulator" ] && ! command -v "${emulator%% *}" >/dev/null; then skip "${emulator%% *}"; return; fi
    if ! "${MAKE:-make}" -s -j"$jobs" BUILD="$folder" PROGRAM="$folder/fusiform" LDFLAGS=-static "$@" all >"$log" 2>&1; then
        failed=$((failed + 1))
        echo "FAILED $board: does not build: $(grep -m 1 -iE 'error|undefined' "$log")"
        return
    fi
    if grep -i 'warning:' "$log" | grep -v 'statically linked'; then
        failed=$((failed + 1))
        echo "FAILED $board: warnings"
    fi
    echo "built: $board"
    n=$((n + 1))
    programs="$programs $folder/fusiform"
    eval "RUN_$n=\$emulator"
    export "RUN_$n"
}

for board in $boards; do
    case $board in
    armhf) board arm-linux-gnueabihf-gcc qemu-arm CROSS=arm-linux-gnueabihf- ;;
    armhf-no-fma) board arm-linux-gnueabihf-gcc "qemu-arm -cpu cortex-a8" CROSS=arm-linux-gnueabihf- ;; # VFPv3
    armel) board arm-linux-gnueabi-gcc qemu-arm CROSS=arm-linux-gnueabi- ;;
    i686) board i686-linux-gnu-gcc qemu-i386 CROSS=i686-linux-gnu- ;;
    aarch64) board aarch64-linux-gnu-gcc qemu-aarch64 CROSS=aarch64-linux-gnu- ;;
    riscv64) board riscv64-linux-gnu-gcc qemu-riscv64 CROSS=riscv64-linux-gnu- ;;
    s390x) board s390x-linux-gnu-gcc qemu-s390x CROSS=s390x-linux-gnu- ;; # big-endian
    musl) board musl-gcc "" CC=musl-gcc OPENMP=0 ;;
    *) failed=$((failed + 1)) && echo "FAILED no board is called $board" ;;
    esac
done
if [ -n "$programs" ]; then
    small=1 sh "$(dirname "$0")/hash.sh" $programs >"$log" 2>&1
    sed '$d' "$log"
    set -- $(sed -n '$s/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' "$log")
    passed=$((passed + ${1:-0})) failed=$((failed + ${2:-1})) skipped=$((skipped + ${3:-0}))
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
