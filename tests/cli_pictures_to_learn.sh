#!/bin/sh
# SPDX-License-Identifier: MIT
# The built-in pictures that networks learn from: all eleven subcategories, at any side, as files and as a set.
# usage: tests/cli_pictures_to_learn.sh     FUSIFORM=path of the program (default ./fusiform), RUN=emulator
. "$(dirname "$0")/shell.sh"

run "eleven subcategories" stimuli generate --per-category 2 --side 32 --categories all --seed 7 -o "$work/all"
says '^22 pictures in '
ok "eleven folders" sh -c "[ \$(ls -d '$work'/all/*/ | wc -l) -eq 11 ]"
ok "a caption for each" sh -c "[ \$(wc -l <'$work/all/captions.tsv') -eq 22 ]"
run "a list" stimuli generate --per-category 3 --size 32 --categories car,instrument --seed 7 -o "$work/two"
says '^6 pictures in '
run "a map" stimuli generate --per-category 3 --side 32 --categories 'thing=car,instrument;face=adult' --seed 7 -o "$work/map"
ok "its manifest" grep -q "$(printf 'instrument/instrument-1.png\tthing\tinstrument')" "$work/map/manifest.tsv"

# The set of the same name shows the very files.
run "a sheet of the files" stimuli sheet "$work/all/manifest.tsv" --size 32 --columns 2 -o "$work/files.png"
run "a sheet of the set" stimuli sheet 'builtin?categories=all&side=32&per_category=2&seed=7' --size 32 --columns 2 -o "$work/set.png"
ok "they are the same" cmp "$work/files.png" "$work/set.png"
run "drawn at 256" stimuli generate --per-category 2 --seed 7 -o "$work/large"
run "and with side=256" stimuli generate --per-category 2 --side 256 --seed 7 -o "$work/side256"
ok "they are the same" diff -r "$work/large" "$work/side256"

# What `run` takes.
small='random:cifar_resnet8?seed=1'
run "a network sees them" run --model "$small" --stimuli 'builtin?categories=all&side=32&per_category=4' --layers relu --out "$work/run"
ok "eleven categories" sh -c "[ \$(grep -c ',relu,' '$work/run/layers.csv') -eq 11 ]"
run "a network sees a folder's folders" run --model "$small" --stimuli "$work/all" --categories all --layers relu --out "$work/run2"
ok "eleven categories" sh -c "[ \$(grep -c ',relu,' '$work/run2/layers.csv') -eq 11 ]"

fails 1 "builtin?side=8: side=8: expected a whole number from 16 to 4096" stimuli sheet 'builtin?side=8' -o "$work/x.png"
fails 1 "'sides' is no option; expected builtin?per_category=N&seed=S&side=S&categories=MAP" stimuli sheet 'builtin?sides=8' -o "$work/x.png"
fails 1 "category banana names the folder banana, which does not exist; there are: adult" stimuli sheet 'builtin?categories=adult,banana' -o "$work/x.png"
fails 1 "categories are said here and by --categories" run --model "$small" --stimuli 'builtin?categories=all' --categories 'face=adult;car=car' --out "$work/x"
fails 2 "--size and --side: one of the two expected" stimuli generate --side 64 --size 64 -o "$work/x"
fails 2 "--side: 8 found, 16 to 4096 expected" stimuli generate --side 8 -o "$work/x"
fails 2 "--side is an option of generate" stimuli sheet "$work/all" --side 64 -o "$work/x.png"
finish
