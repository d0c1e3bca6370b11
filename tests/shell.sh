# SPDX-License-Identifier: MIT
# What the tests of the command line share; they source it: . tests/shell.sh. They end with `finish`.
# FUSIFORM=path of the program (default ./fusiform), RUN=emulator
program="${RUN:+$RUN }${FUSIFORM:-./fusiform}"
shared=${FUS_SHARED:-$PWD/../shared/data}
work=$(mktemp -d) || exit 1
trap 'chmod -R u+w "$work" 2>/dev/null; rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

ok() { # ok WHAT COMMAND...: the command succeeds
    what=$1
    shift
    if "$@" >"$work/stdout" 2>"$work/stderr"; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAILED $what: status $?: $(tail -n 2 "$work/stderr")"
    fi
}
run() { # run WHAT ARGUMENTS...: fusiform succeeds
    what=$1
    shift
    ok "$what" $program "$@"
}
fails() { # fails STATUS WORDS ARGUMENTS...: that status, one line on stderr that holds WORDS, nothing half-written
    status=$1 words=$2
    shift 2
    $program "$@" >"$work/stdout" 2>"$work/stderr" </dev/null
    got=$?
    lines=$(grep -vc 'pictures, .* a second' "$work/stderr")
    if [ $got -eq "$status" ] && [ "$lines" -eq 1 ] && grep -qF -- "$words" "$work/stderr" &&
        [ -z "$(find "$work" -name '*.tmp-*')" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED fusiform $*: status $got (expected $status), expected '$words' in: $(head -c 600 "$work/stderr")"
        find "$work" -name '*.tmp-*'
    fi
}
fails_all() { # fails_all N WORDS ARGUMENTS...: status 1, N lines that hold WORDS, then one that counts them; nothing written
    n=$1 words=$2
    shift 2
    $program "$@" >"$work/stdout" 2>"$work/stderr" </dev/null
    got=$?
    lines=$(grep -cF -- "$words" "$work/stderr")
    if [ $got -eq 1 ] && [ "$lines" -eq "$n" ] && tail -n 1 "$work/stderr" | grep -q "^fusiform: $n of [0-9]* pictures cannot be read" &&
        [ -z "$(find "$work" -name '*.tmp-*')" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED fusiform $*: status $got (expected 1), $lines times '$words' (expected $n) in: $(head -c 900 "$work/stderr")"
    fi
}
says() { # says PATTERN: the last command's stdout has it
    if grep -qE -- "$1" "$work/stdout"; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAILED: no '$1' in: $(head -c 300 "$work/stdout")"
    fi
}
files_of() { (cd "$1" && find . -type f ! -name run.log | LC_ALL=C sort); }
same_runs() { # same_runs A B: two run directories, run.log aside (BusyBox's diff has no -x)
    files_of "$1" >"$work/files"
    files_of "$2" | cmp - "$work/files" && while IFS= read -r file; do cmp "$1/$file" "$2/$file" || return 1; done <"$work/files"
}
sha256() { if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi; } # macOS has the second
now_ms() { # whole seconds where date knows no %N
    now=$(date +%s%N)
    case $now in *[!0-9]*) echo "$(date +%s)000" ;; *) echo $((now / 1000000)) ;; esac
}
finish() { # the closing line, and the status
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ]
}
