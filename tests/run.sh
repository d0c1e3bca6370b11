#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs each test given (programs, and scripts named *.sh), one on each processor at a time, shows what fails, and adds up their
# closing lines.
# usage: tests/run.sh TEST...      RUN="qemu-aarch64 -L ..." runs the programs under an emulator; JOBS=1: one test at a time;
#                                  times=1: lists the slowest
if [ "$1" = --one ]; then # --one FOLDER TEST: its log and its counts become files of FOLDER; one write says how it went
    name=$(basename "$3") log=$2/$(basename "$3").log
    case $3 in
    *.sh) sh "$3" >"$log" 2>&1 ;;
    *) ${RUN-} "$3" >"$log" 2>&1 ;;
    esac
    rc=$?
    [ -z "$times" ] || times >"$2/$name.times" # of this shell, then of its children
    counts=$(sed -n '$s/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' "$log")
    if [ -z "$counts" ]; then
        echo "0 1 0" >"$2/$name.counts"
        printf '%s\nFAILED %s: ended with status %s and without its count\n' "$(cat "$log")" "$3" $rc
        exit
    fi
    set -- "$2" $counts
    if [ "$3" -ne 0 ] || [ $rc -ne 0 ]; then
        shown=$(cat "$log")
        [ "$3" -ne 0 ] || set -- "$1" "$2" 1 "$4"
    else
        shown=$(grep '^skipped:' "$log")
    fi
    echo "$2 $3 $4" >"$1/$name.counts"
    printf '%s%-28s %s passed, %s failed, %s skipped\n' "${shown:+$shown
}" "$name" "$2" "$3" "$4"
    exit
fi
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)}
export JOBS=1 # a test is one job
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}" # threads of tests side by side do not spin
# The long ones first, which are the scripts at the end.
printf '%s\n' "$@" | awk '{ line[NR] = $0 } END { for (i = NR; i > 0; i--) print line[i] }' | xargs -P "$jobs" -n 1 sh "$0" --one "$folder"
n=$(cat "$folder"/*.counts | wc -l)
# "0m1.25s 0m0.5s": user and system time, of which the second line is the test's.
[ -z "$times" ] || awk 'FNR == 2 { split($1, user, /[ms]/); split($2, kernel, /[ms]/); name = FILENAME
    sub(/.*\//, "", name); sub(/[.]times$/, "", name)
    printf "%7.1f  %s\n", 60 * (user[1] + kernel[1]) + user[2] + kernel[2], name }' "$folder"/*.times |
    sort -rn | awk '{ sum += $1 } NR <= 20 { print } END { printf "%7.1f  CPU seconds of all %d tests\n", sum, NR }'
[ "$n" -eq $# ] || echo "FAILED: $# tests, $n of them ended"
cat "$folder"/*.counts | awk -v lost=$(($# - n)) '{ passed += $1; failed += $2; skipped += $3 }
    END { failed += lost; printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed > 0 || passed == 0 }'
