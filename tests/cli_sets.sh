#!/bin/sh
# SPDX-License-Identifier: MIT
# Sets of pictures from outside: what is left out, what cannot be read, names of any bytes, lists, and folders as operands.
# usage: tests/cli_sets.sh     FUSIFORM=path of the program (default ./fusiform), RUN=emulator
. "$(dirname "$0")/shell.sh"
small='random:cifar_resnet8?seed=1'
python=/usr/bin/python3
command -v $python >/dev/null || python=

told() { # told PATTERN: a line of the last command's stderr is that
    if grep -qxE -- "$1" "$work/stderr"; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAILED: no line '$1' in: $(head -c 900 "$work/stderr")"
    fi
}
lines() { # lines N: that many on the last command's stderr, but for progress
    if [ "$(grep -vc ', .* a second, ' "$work/stderr")" -eq "$1" ]; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAILED: not $1 lines: $(head -c 900 "$work/stderr")"
    fi
}
same() { # same A B: two run folders, but for run.log
    ok "$1 is $2" same_runs "$work/$1" "$work/$2"
}

# 24 different pictures of 64 x 64 in two categories, and what people have beside them
run "pictures" stimuli generate --per-category 6 --size 64 --seed 3 -o "$work/all"
mkdir -p "$work/set/face" "$work/set/house"
for i in 1 2 3; do
    cp "$work/all/adult/adult-$i.png" "$work/set/face/f$i.png"
    cp "$work/all/house/house-$i.png" "$work/set/house/h$i.png"
done
cp -r "$work/set" "$work/clean"
run "a clean set" run --model "$small" --stimuli "$work/clean" --out "$work/o-clean"
lines 0

# ---- what is left out ----
printf 'RIFF....WEBPVP8 ' >"$work/set/face/f9.webp"
printf 'II*\0........' >"$work/set/face/f10.tif"
printf 'GIF89a......' >"$work/set/house/x.gif"
mkdir "$work/set/@eaDir" "$work/set/__MACOSX" "$work/set/.thumbs" "$work/set/face/old"
cp "$work/set/face/f1.png" "$work/set/face/old/f1.png"
cp "$work/set/face/f1.png" "$work/set/loose.png"
: >"$work/set/face/.DS_Store" && : >"$work/set/face/._f1.png" && : >"$work/set/house/Thumbs.db"
run "left out" run --model "$small" --stimuli "$work/set" --out "$work/o-set"
told "fusiform: $work/set: 11 left out: 6 hidden or system files \(\.thumbs, @eaDir, __MACOSX, \.\.\.\), 1 picture outside the folders \(loose\.png\), 1 WebP \(face/f9\.webp\), 1 TIFF \(face/f10\.tif\), 1 sub-folder \(face/old\), 1 GIF \(house/x\.gif\)"
lines 1
same o-set o-clean
for c in "stimuli sheet -o $work/s.png" "classify --model $small" "embed --model $small -o $work/e.npy"; do
    run "$c says so too" $c "$work/set"
    told 'fusiform: .*set: 11 left out: .*1 WebP \(face/f9\.webp\).*'
done
mkdir "$work/webp" "$work/webp/a" "$work/webp/b"
cp "$work/set/face/f9.webp" "$work/webp/a/1.webp"
cp "$work/set/face/f1.png" "$work/webp/b"
fails 1 "webp/a: no picture in it; 1 left out: 1 WebP (1.webp); read are files ending in .jpg" run --model "$small" --stimuli "$work/webp" --out "$work/x"
mkdir "$work/bare" "$work/bare/face" "$work/bare/house"
for i in 1 2 3; do
    cp "$work/clean/face/f$i.png" "$work/bare/face/f$i"
    cp "$work/clean/house/h$i.png" "$work/bare/house/h$i.webp"
done
run "pictures without an ending, or with a wrong one" run --model "$small" --stimuli "$work/bare" --out "$work/o-bare"
ok "are read" cmp "$work/o-bare/layers.csv" "$work/o-clean/layers.csv"

# ---- what cannot be read ----
head -c 300 "$work/set/face/f1.png" >"$work/set/face/f0.png"
printf 'no picture' >"$work/set/house/h2b.jpg"
: >"$work/set/house/h9.jpg"
for c in "run --model $small --out $work/x --stimuli" "activations --model $small --layer relu -o $work/x.npy" \
    "embed --model $small -o $work/x.npy" "classify --model $small" "stimuli sheet -o $work/x.png" "stimuli shine -o $work/x"; do
    fails_all 3 "fusiform: $work/set/" $c "$work/set"
    ok "$c: nothing is written" sh -c 'test ! -e "$1/x" -a ! -e "$1/x.npy" -a ! -e "$1/x.png" -a ! -s "$1/stdout"' sh "$work"
done 2>/dev/null
fails 1 "h9.jpg: byte 0: found an empty file, expected a picture: truncated copy?" classify --model "$small" "$work/set/house/h9.jpg"
run "--skip-bad" run --model "$small" --stimuli "$work/set" --skip-bad --scrambled auto --out "$work/o-skip"
told "fusiform: --skip-bad: 3 of 9 pictures left out"
told "fusiform: $work/set/house/h9\.jpg: byte 0: .*"
ok "their names are in run.json" grep -qF '"skipped": ["face/f0.png", "house/h2b.jpg", "house/h9.jpg"]' "$work/o-skip/run.json"
run "the clean set, scrambled" run --model "$small" --stimuli "$work/clean" --scrambled auto --out "$work/o-scrambled"
for f in layers.csv pixels.csv profiles.csv; do ok "$f as without them" cmp "$work/o-skip/$f" "$work/o-scrambled/$f"; done
for i in 1 2; do run "shard $i" run --model "$small" --stimuli "$work/set" --skip-bad --scrambled auto --shard $i/2 --out "$work/shard-$i"; done
run "merge" merge "$work/shard-1" "$work/shard-2" --out "$work/o-merged"
same o-merged o-skip
run "a run without problems" run --model "$small" --stimuli "$work/clean" --skip-bad --out "$work/o-nothing"
same o-nothing o-clean
run "sheet" stimuli sheet "$work/set" --skip-bad -o "$work/s1.png"
run "sheet of the clean set" stimuli sheet "$work/clean" -o "$work/s2.png"
ok "the same" cmp "$work/s1.png" "$work/s2.png"
run "shine" stimuli shine "$work/clean" -o "$work/shine"
cp "$work/set/house/h9.jpg" "$work/clean/house"
run "shine without the bad one" stimuli shine "$work/clean" --skip-bad -o "$work/shine-skip"
rm "$work/clean/house/h9.jpg"
ok "the same pictures" diff -r "$work/shine" "$work/shine-skip"
cp "$work/set/house/h9.jpg" "$work/bare/face/f1"
: >"$work/bare/face/f2.jpg" && : >"$work/bare/face/f3.jpg" && rm "$work/bare/face/f2" "$work/bare/face/f3"
$program run --model "$small" --stimuli "$work/bare" --skip-bad --out "$work/x" >"$work/stdout" 2>"$work/stderr"
status=$?
told "fusiform: $work/bare: category face has 0 pictures; at least 2 are needed.*"
ok "too few are left" test $status -eq 1

# ---- folders and lists as operands ----
printf 'house/h2.png\tb\nface/f3.png\ta\n' >"$work/clean/list.tsv"
run "activations of a folder" activations --model "$small" --layer layer3.0.relu "$work/clean" -o "$work/a1.npy"
told "fusiform: 6 pictures; $work/a1\.npy\.tsv says which row is which"
run "activations of files" activations --model "$small" --layer layer3.0.relu "$work"/clean/face/*.png "$work"/clean/house/*.png -o "$work/a2.npy"
ok "the same rows" cmp "$work/a1.npy" "$work/a2.npy"
ok "no list for files" test ! -e "$work/a2.npy.tsv"
ok "the list" sh -c 'cut -f 1,3,4 "$1" | tail -n 2 | tr "\t\n" ",;" | grep -qx "4,house,house;5,house,house;"' sh "$work/a1.npy.tsv"
run "embed" embed --model "$small" "$work/clean/list.tsv" "$work/clean/house" "$work/clean/face/f1.png" -o "$work/e1.npy"
run "embed files" embed --model "$small" "$work/clean/house/h2.png" "$work/clean/face/f3.png" "$work"/clean/house/*.png "$work/clean/face/f1.png" -o "$work/e2.npy"
ok "the same rows of a list, a folder, a file" cmp "$work/e1.npy" "$work/e2.npy"
run "embed without bad ones" embed --model "$small" "$work/set/house" --skip-bad -o "$work/e3.npy"
run "embed the folder" embed --model "$small" "$work/clean/house" -o "$work/e4.npy"
ok "the same rows" cmp "$work/e3.npy" "$work/e4.npy"
run "classify" classify --model "$small" --top 1 "$work/clean"
ok "a line for each" test "$(wc -l <"$work/stdout")" -eq 6
run "classify drawn pictures" classify --model "$small" --top 1 'builtin?per_category=2'
ok "a line for each" test "$(wc -l <"$work/stdout")" -eq 10
mkfifo "$work/pipe.jpg" "$work/pipe.tsv"
fails 1 "pipe.jpg: is a pipe" classify --model "$small" "$work/pipe.jpg"
fails 1 "pipe.tsv: is a pipe" classify --model "$small" "$work/pipe.tsv"
fails 1 "pipe.tsv: is a pipe" run --model "$small" --stimuli "$work/pipe.tsv" --out "$work/x"

# ---- lists of other systems ----
printf 'face\\f1.png\tface\r\nface\\f2.png\tface\r\nhouse\\h1.png\thouse\r\nhouse\\h2.png\thouse\r\n' >"$work/clean/windows.tsv"
sed 's/\\/\//; s/\r//' "$work/clean/windows.tsv" >"$work/clean/unix.tsv"
run "a list with backslashes" run --model "$small" --stimuli "$work/clean/windows.tsv" --out "$work/o-windows"
run "and with slashes" run --model "$small" --stimuli "$work/clean/unix.tsv" --out "$work/o-unix"
same o-windows o-unix
if [ "$python" ]; then
    $python -c 'import sys; t = open(sys.argv[1], newline="").read(); open(sys.argv[2], "wb").write(t.encode("utf-16"))' "$work/clean/windows.tsv" "$work/clean/utf16.tsv"
    run "a list in UTF-16" run --model "$small" --stimuli "$work/clean/utf16.tsv" --out "$work/o-utf16"
    same o-utf16 o-unix
else
    skipped=$((skipped + 1)) && echo "skipped: a list in UTF-16: no python3"
fi
printf 'face\\f7.png\ta\nface\\f8.png\tb\n' >"$work/clean/wrong.tsv"
fails 1 "none of 2 pictures is there: $work/clean/wrong.tsv: line 1: " run --model "$small" --stimuli "$work/clean/wrong.tsv" --out "$work/x"
fails 1 "nor is it there with / for" run --model "$small" --stimuli "$work/clean/wrong.tsv" --out "$work/x"
printf 'face/f7.png\tface\nhouse/h8.png\thouse\n' | cat "$work/clean/unix.tsv" - >"$work/clean/more.tsv"
fails_all 2 "cannot be opened: No such file" run --model "$small" --stimuli "$work/clean/more.tsv" --out "$work/x"
told "fusiform: $work/clean/more\.tsv: line 5: $work/clean/face/f7\.png: cannot be opened: .*"
run "without those" run --model "$small" --stimuli "$work/clean/more.tsv" --skip-bad --out "$work/o-more"
ok "as the list without them" cmp "$work/o-more/layers.csv" "$work/o-unix/layers.csv"

# ---- names ----
odd=$(printf 'caf\351 \033[31m\n"x", <b>&\tz.png')
mkdir "$work/odd" "$work/odd/NA" "$work/odd/=1+1" "$work/odd/$(printf '\344\\')" "$work/odd/1"
set -- "$work"/all/adult/*.png "$work"/all/house/*.png "$work"/all/child/*.png
for c in NA =1+1 "$(printf '\344\\')" 1; do
    for k in 1 2; do
        cp "$1" "$work/odd/$c/$k $odd"
        shift
    done
done
if [ -e "$work/odd/NA/1 $odd" ]; then
    run "names of any bytes" run --model "$small" --stimuli "$work/odd" --criterion ratio --units full --out "$work/o-odd" --bootstrap 9 --consistency
    told 'fusiform: warning: category NA: pandas\.read_csv takes the name for a missing value unless keep_default_na=False'
    lines 1
    ok "the page holds no control character" sh -c '! grep -q "$(printf "\033")" "$1"' sh "$work/o-odd/report.html"
    cp -r "$work/o-odd" "$work/o-again"
    run "the report drawn again" report "$work/o-again"
    same o-again o-odd
    run "compare" compare "$work/o-odd" "$work/o-again"
    fails 1 "lesion: category 1 has 1 picture in one half of them: 2 or more expected" lesion --model "$small" --run "$work/o-odd" \
        --stimuli "$work/odd" --category NA --layer relu
    for i in 1 2; do run "shard $i" run --model "$small" --stimuli "$work/odd" --criterion ratio --units full --bootstrap 9 --consistency --shard $i/2 --out "$work/odd-$i"; done
    run "merge" merge "$work/odd-1" "$work/odd-2" --out "$work/odd-merged"
    same odd-merged o-odd
    run "classify prints a line each" classify --model "$small" --top 1 "$work/odd"
    cp "$work/stdout" "$work/lines"
    says 'NA/1 caf\\xe9 \\x1b\[31m\\n"x", <b>&\\tz\.png	1	'
    ok "8 lines" test "$(wc -l <"$work/lines")" -eq 8
    : >"$work/odd/NA/$odd"
    fails 1 'NA/caf\xe9 \x1b[31m\n"x", <b>&\tz.png: byte 0: found an empty file' stimuli sheet "$work/odd" -o "$work/x.png"
    if [ "$python" ]; then
        cat >"$work/names.py" <<'PYTHON'
import csv, json, os, sys
run = json.load(open(sys.argv[1] + "/run.json", encoding="utf-8"))
there = sorted(os.path.join(os.path.basename(d), f) for d, _, files in os.walk(os.fsencode(sys.argv[2])) for f in files if not f.startswith(b"caf"))
assert sorted(os.fsencode(p["picture"]) for p in run["pictures"]) == [os.fsencode(n) if isinstance(n, str) else n for n in there], run["pictures"]
rows = list(csv.DictReader(open(sys.argv[1] + "/layers.csv", encoding="utf-8", newline="")))
assert {r["category"] for r in rows} == {"NA", "=1+1", "\\xe4\\\\", "1"}, {r["category"] for r in rows}
rows = list(csv.DictReader(open(sys.argv[1] + "/profiles.csv", encoding="utf-8", newline="")))
assert rows[0]["picture"].endswith('\\x1b[31m\n"x", <b>&\tz.png') or "\x1b" in rows[0]["picture"], rows[0]
PYTHON
        rm -f "$work/odd/NA/$odd"
        ok "Python reads the very names" $python "$work/names.py" "$work/o-odd" "$work/odd"
    fi
else
    skipped=$((skipped + 1)) && echo "skipped: this file system takes no such names"
fi

# ---- categories ----
for c in "" face face=adult "face=adult;face=child" "face=adult;body=adult" "face=adult;body=" "=adult;body=limb" "face=adult,;body=limb"; do
    fails 2 "--categories: " run --model "$work/nowhere.pth" --categories "$c" --out "$work/x"
done
fails 2 "--categories: no folders after face" lesion --model x --run x --category face --layer relu --categories face
fails 1 "nowhere.pth" run --model "$work/nowhere.pth" --categories "face=adult;body=limb" --out "$work/x"
ok "nothing was written" test ! -e "$work/x"

# ---- a scrambled category that the run made ----
run 'pictures without scrambled ones' stimuli generate --per-category 4 --size 32 -o "$work/plain" && rm -rf "$work/plain/scrambled" "$work/plain/manifest.tsv"
run 'a run with some' run --model 'random:cifar_resnet8?seed=1' --stimuli "$work/plain" --scrambled auto --seed 7 --criterion ratio --layers layer3.0.relu \
    --out "$work/with"
run 'lesion makes the same again' lesion --model 'random:cifar_resnet8?seed=1' --stimuli "$work/plain" --run "$work/with" --layer layer3.0.relu \
    --category face --controls 2
says '^layer3.0.relu,face,.*,scrambled,4,'
finish
