#!/bin/sh
# Runs each test given (programs, and scripts named *.sh), shows what fails, and adds up their closing lines.
# usage: tests/run.sh TEST...      RUN="qemu-aarch64 -L ..." runs the programs under an emulator
passed=0 failed=0 skipped=0
log=${TMPDIR:-/tmp}/fusiform-test.$$
trap 'rm -f "$log"' EXIT
for t in "$@"; do
    case $t in
    *.sh) sh "$t" >"$log" 2>&1 ;;
    *) ${RUN-} "$t" >"$log" 2>&1 ;;
    esac
    rc=$?
    counts=$(sed -n '$s/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' "$log")
    if [ -z "$counts" ]; then
        cat "$log"
        echo "FAILED $t: ended with status $rc and without its count"
        failed=$((failed + 1))
        continue
    fi
    set -- $counts
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
    if [ "$2" -ne 0 ] || [ $rc -ne 0 ]; then
        cat "$log"
        [ "$2" -ne 0 ] || failed=$((failed + 1))
    else
        grep '^skipped:' "$log"
    fi
    printf '%-28s %s passed, %s failed, %s skipped\n' "$(basename "$t")" "$1" "$2" "$3"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
