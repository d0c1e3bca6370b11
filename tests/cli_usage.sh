#!/bin/sh
# SPDX-License-Identifier: MIT
# Help, mistyped words and numbers: what wrong usage says, with status 2 and before any work.
# usage: tests/cli_usage.sh     FUSIFORM=path of the program (default ./fusiform), RUN=emulator
. "$(dirname "$0")/shell.sh"
small='random:cifar_resnet8?seed=1'

# ---- help ----
run "help" help
cp "$work/stdout" "$work/help"
run "--help" --help
cp "$work/stdout" "$work/help2"
ok "is the same" cmp "$work/help" "$work/help2"
for c in run merge report compare lesion train convert inspect activations embed classify image stimuli bench; do
    run "help $c" help $c
    cp "$work/stdout" "$work/help"
    run "$c --help" $c --help
    says '^example: fusiform '$c
    cp "$work/stdout" "$work/help2"
    ok "$c: is the same" cmp "$work/help" "$work/help2"
done
run "--help behind other options" run --model "$small" --frobnicate --help
says '^usage: fusiform run'
fails 2 "help: one command expected, 'x' found" help run x
fails 2 "no command is called 'rnu'; did you mean run?; see \`fusiform --help\`" help rnu

# ---- what was meant ----
fails 2 "no command is called 'reprot'; did you mean report?; see \`fusiform --help\`" reprot
fails 2 "no command is called 'insp'; did you mean inspect?" insp
fails 2 "no command is called 'frobnicate'; see \`fusiform --help\`" frobnicate
fails 2 "no option is called '--modle'; did you mean --model?; see \`fusiform run --help\`" run --modle x
fails 2 "no option is called '--permutation'; did you mean --permutations?" run --permutation=9
fails 2 "no option is called '--thread'; did you mean --threads?" bench --thread 2
fails 2 "no option is called '--frobnicate'; see" run --frobnicate
fails 2 "--criterion: 'tdan' found, iut, prince, tdann, dprime, ratio or ranksum expected; did you mean tdann?" run --criterion tdan
fails 2 "--preset: 'luwang' found, lu-wang, prince, tdann, baek or afraz expected; did you mean lu-wang?" run --preset luwang
fails 2 "--test: 'studnet' found, balanced, welch, student or permutation expected; did you mean student?" run --test studnet
fails 2 "--correction: 'bonferoni' found, bh, by, bonferroni or none expected; did you mean bonferroni?" run --correction bonferoni
fails 2 "--halves: 'half' found, alternate, option or none expected" run --halves half
fails 2 "--interval: 'percent' found, centred, percentile or bca expected; did you mean percentile?" run --interval percent
fails 2 "--units: 'all' found, labels or full expected" run --units all
fails 2 "--conv: 'drect' found, auto or direct expected; did you mean direct?" run --conv drect
fails 2 "--conv: 'drect' found, auto or direct expected; did you mean direct?" bench --conv drect
fails 2 "--scrambled: 'yes' found, auto or none expected" run --scrambled yes
fails 2 "--mode: 'zeor' found, zero or mean expected; did you mean zero?" lesion --mode zeor
fails 2 "--readout: 'rigde' found, mean, ridge or both expected; did you mean ridge?" lesion --readout rigde
fails 2 "--dtype: 'fp16' found, f32, f16 or bf16 expected" convert x --dtype fp16
fails 2 "--interp: 'cubic' found, bilinear or bicubic expected" image x --interp cubic
fails 2 "--method: 'boxes' found, box, phase, luminance or histogram expected; did you mean box?" stimuli scramble x --method boxes
fails 2 "--method: 'box' found, luminance or histogram expected" stimuli shine x --method box -o "$work/x"
fails 2 "scramble: --method box or phase expected" stimuli scramble x -o "$work/x"

# ---- numbers, before anything is opened ----
for n in ' 2' '+2' 2.0 2e0 0x2 '2 ' -2 two ''; do
    fails 2 "--batch: '$n' found, a whole number from 1 to 1000000 expected" run --batch "$n"
done
for n in ' .05' +.05 0x1p-4 1e400 nan inf .05x 0 1.5 -1 ''; do
    fails 2 "--alpha: '$n' found, a number above 0, at most 1 expected" run --alpha "$n"
done
fails 2 "--seed: '18446744073709551616' found" run --seed 18446744073709551616
fails 2 "--max-memory: ' 64M' found" run --max-memory ' 64M'
for n in 20 20x 0x5 5x0 ' 5x5' '5x5 ' +5x5 5x5x5 1000000x5; do
    fails 2 "--resize: '$n' found, WIDTHxHEIGHT such as 224x224 expected" image "$work/nowhere.png" --resize "$n" -o "$work/x.ppm"
done
for p in imagenet resize=256 'resize= 256,interp=bilinear,crop=224,mean=.5,std=.5' 'resize=256,interp=bilinear,crop=224,mean=nan,std=.5' \
    'resize=256,interp=bilinear,crop=224,mean=.5,std=0x1p-1' 'resize=256,interp=bilinear,crop=224,mean=.5/.5,std=.5'; do
    fails 2 "--preprocess: preprocessing \`$p\`: expected torchvision" image "$work/nowhere.png" --preprocess "$p" -o "$work/x.npy"
done
fails 1 "seed=" inspect 'random:resnet18?seed= 1'
fails 1 "seed=" inspect 'random:resnet18?seed=0x1'
for n in ' 4' +4 4.0 0x4 1; do
    fails 1 "per_category=$n: expected a whole number from 2 to 1000000" stimuli sheet "builtin?per_category=$n" -o "$work/x.png"
done

# ---- lesions: something to silence first, a table for people ----
run "weights" convert "$small" -o "$work/a.safetensors"
set6='builtin?per_category=6'
run "a run" run --model a="$work/a.safetensors" --stimuli "$set6" --criterion ratio --out "$work/run"
run "a run without selective units" run --model a="$work/a.safetensors" --stimuli "$set6" --correction bonferroni --alpha 1e-30 --out "$work/none"
fails 1 "none, relu: no unit of this layer is selective for face: nothing to silence" lesion --model "$work/nowhere" --run "$work/none" \
    --stimuli "$work/nowhere" --category face --layer relu
fails 1 "run: no category is called 'fase'" lesion --model "$work/nowhere" --run "$work/run" --category fase --layer relu
lesion="--model $work/a.safetensors --run $work/run --stimuli $set6 --category face --layer relu --controls 5"
run "lesion" lesion $lesion
cp "$work/stdout" "$work/lesion.csv"
cp "$work/stderr" "$work/people"
ok "one header and a row for each category, nothing else" sh -c 'test "$(wc -l <"$1")" -eq 6 && test "$(grep -c ^relu,face, "$1")" -eq 5' sh "$work/lesion.csv"
ok "a sentence on stderr" grep -q '^relu: [0-9]* of [0-9]* units are selective for face in one half .* set to 0. The accuracy for face ' "$work/people"
ok "a table on stderr" grep -qE '^  face +6 ' "$work/people"
run "lesion into a file" lesion $lesion -o "$work/again.csv"
says '^relu: [0-9]+ of [0-9]+ units are selective for face in one half of the pictures, [0-9]+ in the other; '
says '^  scrambled +6 '
ok "the same table" cmp "$work/lesion.csv" "$work/again.csv"
run "means" lesion $lesion --mode mean --readout ridge -o "$work/again.csv"
says 'set to their mean. '
says 'read out by ridge regression; controls: 5 sets of each kind'
run "a dose curve" lesion $lesion --top 4,8,16 -o "$work/dose.csv"
says 'the 16 of [0-9]+ units with the largest t for face are chosen'
ok "rows of each dose" test "$(grep -cE '^relu,face,(4,4,4|8,8,8|16,16,16),zero,' "$work/dose.csv")" -eq 15
run "a dose where nothing is selective" lesion --model "$work/a.safetensors" --run "$work/none" --stimuli "$set6" --category face --layer relu --controls 2 --top 4
fails 2 "--top: '4' found, up to 32 ascending whole numbers expected" lesion $lesion --top 8,4


# ---- control characters and broken UTF-8 in what was typed ----
odd=$(printf 'a\033[31m\377')
fails 2 "'a\\x1b[31m\\xff' found" run --alpha "$odd" --model random:resnet18 --out "$work/odd"
fails 2 "no command is called 'a\\x1b[31m\\xff'" "$odd"
fails 2 "did you mean generate?" stimuli gnerate -o "$work/odd"
mkdir "$work/$odd" && $program convert 'random:cifar_resnet8?seed=1' -o "$work/$odd/m.safetensors" 2>"$work/said"
ok "a line that is no error, too" grep -qF 'a\x1b[31m\xff/m.safetensors: ' "$work/said"
finish
