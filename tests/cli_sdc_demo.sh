#!/bin/sh
# SPDX-License-Identifier: MIT
# fusiform sdc demo: from simulated files to what was found; the same bytes with one thread.
# usage: tests/cli_sdc_demo.sh     FUSIFORM=program (default ./fusiform), RUN=emulator
. "$(dirname "$0")/shell.sh"
few='--small --participants 4 --iterations 12 --seed 3'

run "the demonstration" sdc demo $few --out "$work/a" --threads 2
grep -q '^planted	weight: cluster' "$work/stdout" && passed=$((passed + 1)) || { failed=$((failed + 1)); echo "FAILED its table: $(head -c 300 "$work/stdout")"; }
for f in data/study.tsv data/truth.csv data/subj01/session6.nii data/images.tsv sdc.json scores.csv decoders/subj04.npz \
    voxels/subj02_mask.nii clusters/eps.csv clusters-pattern/eps.csv found.csv demo.csv report.html; do
    ok "$f" test -s "$work/a/$f"
done
ok "ten concepts of two kinds of vectors" test "$(wc -l <"$work/a/found.csv")" -eq 21
ok "two rows" test "$(wc -l <"$work/a/demo.csv")" -eq 3
ok "drawn pictures" test "$(find "$work/a/data/pictures" -name '*.png' | wc -l)" -gt 200
fails 1 'holds a demonstration already; --resume goes on, --force replaces it' sdc demo $few --out "$work/a"

# ---- the same bytes ----
sums() { (cd "$1" && find . -type f ! -name '*.log' | LC_ALL=C sort | xargs cksum); }
run "with one thread" sdc demo $few --out "$work/b" --threads 1
sums "$work/a" >"$work/first"
sums "$work/b" >"$work/second"
ok "the same bytes" cmp "$work/first" "$work/second"

# ---- networks in place of people ----
run "networks" sdc demo --threads 1 --small --iterations 15 --stability 0 --model demo:vision@layer3.1.relu \
    --model 'u=random:resnet?blocks=2,2,2&width=16&input=64&seed=1@layer3.1.relu' --out "$work/net"
for f in data/images.tsv decoders/u.npz localizer/layers.csv localizer/report.html clusters/eps.csv report.html; do
    ok "$f" test -s "$work/net/$f"
done
ok "no planted concepts" test ! -e "$work/net/found.csv"
fails 1 'holds a demonstration already; --resume goes on, --force replaces it' sdc demo --networks --out "$work/net"

# ---- what it refuses ----
fails 2 '--participants and --alone are of simulated people' sdc demo --networks --alone --out "$work/c"
fails 2 "--model: 'demo:vision' found, [NAME=]FILE@LAYER" sdc demo --model demo:vision --out "$work/c"
fails 2 '--model: two or more expected' sdc demo --model demo:vision@relu --out "$work/c"
fails 2 "two models are called 'vision'" sdc demo --networks --model vision=a.pth@relu --out "$work/c"
fails 2 '--out DIR is missing' sdc demo
fails 2 '--participants: 2 to 99 expected' sdc demo --out "$work/c" --participants 1
fails 2 "'x' found, expected options alone" sdc demo x --out "$work/c"
finish
