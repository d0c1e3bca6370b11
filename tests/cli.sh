#!/bin/sh
# SPDX-License-Identifier: MIT
# The command line from outside: what every command prints and writes, its exit status, and one clear line for whatever is
# wrong. usage: tests/cli.sh     FUSIFORM=path of the program (default ./fusiform), RUN=emulator
. "$(dirname "$0")/shell.sh"
small='random:cifar_resnet8?seed=1'

# ---- help and usage ----
run "help" --help
says 'usage: fusiform COMMAND'
run "version" --version
for c in run merge report compare lesion train convert inspect activations embed classify image stimuli bench; do
    run "$c --help" $c --help
    says '^example: fusiform '$c
done
fails 2 "a command is needed"
fails 2 "no command is called 'frobnicate'" frobnicate
fails 2 "no option is called '--frob'" inspect --frob x
fails 2 "needs a value" run --model
fails 2 "--alpha: '7' found" run --model "$small" --out "$work/o" --alpha 7
fails 2 "iut, prince, tdann, dprime, ratio or ranksum expected" run --model "$small" --out "$work/o" --criterion best
fails 2 "lu-wang, prince, tdann, baek or afraz expected" run --model "$small" --out "$work/o" --preset best
fails 2 "welch, student or permutation expected" run --model "$small" --out "$work/o" --test z
fails 2 "bh, by, bonferroni or none expected" run --model "$small" --out "$work/o" --correction holm
fails 2 "--test belongs to --criterion iut" run --model "$small" --out "$work/o" --criterion tdann --test welch
fails 2 "--preset baek is --criterion ranksum; 'iut' found" run --model "$small" --out "$work/o" --preset baek --criterion iut
fails 2 "do not go with --criterion ranksum" run --model "$small" --out "$work/o" --criterion ranksum --bootstrap 9
fails 2 "folders of finished runs expected" compare "$work"
fails 2 "zero or mean expected" lesion --model "$small" --run x --category face --layer relu --mode half
fails 2 "centred, percentile or bca expected" run --model "$small" --out "$work/o" --bootstrap 9 --interval wald
fails 2 "--interval says how" run --model "$small" --out "$work/o" --interval bca
fails 2 "mean, ridge or both expected" lesion --model "$small" --run x --category face --layer relu --readout svm
fails 2 "--layer L expected" lesion --model "$small" --run x --category face
fails 2 "--threads: 'many' found" bench --threads many
fails 2 "--out DIR expected" run --model "$small"
fails 2 "--shard: '3/2' found, I/N such as 2/7" run --model "$small" --out "$work/o" --shard 3/2
fails 2 "at least one PART and --out DIR expected" merge --out "$work/o"
fails 1 "nowhere: not a shard" merge "$work/nowhere" --out "$work/o"

# ---- pictures: drawn, decoded, preprocessed ----
run "stimuli generate" stimuli generate --per-category 4 --size 64 --seed 5 -o "$work/set"
run "stimuli generate, one thread" stimuli generate --per-category 4 --size 64 --seed 5 -o "$work/set1" --threads 1
ok "the same pictures" diff -r "$work/set" "$work/set1"
rm -r "$work/set1"
ok "captions" test "$(wc -l <"$work/set/captions.tsv")" -eq 20
face=$work/set/adult/adult-1.png house=$work/set/house/house-1.png
run "stimuli sheet" stimuli sheet "$work/set" --size 32 -o "$work/sheet.png"
run "the README's contact sheet" stimuli sheet 'builtin?per_category=10&seed=3' --size 40 --columns 10 -o "$work/readme.png"
ok "is the same everywhere" cmp "$work/readme.png" tests/golden/sheet.png
run "image to ppm" image "$face" -o "$work/face.ppm"
ok "ppm header" sh -c 'head -n 2 "$1" | tail -n 1 | grep -qx "64 64"' sh "$work/face.ppm"
run "image resized" image "$work/face.ppm" --resize 20x30 -o "$work/small.ppm"
ok "ppm size" test "$(wc -c <"$work/small.ppm")" -eq $((20 * 30 * 3 + 13))
run "image preprocessed" image "$face" --preprocess=cifar -o "$work/face.npy"
ok "npy size" test "$(wc -c <"$work/face.npy")" -eq $((3 * 32 * 32 * 4 + 128))
fails 1 "nowhere.jpg: cannot be opened" image "$work/nowhere.jpg" -o "$work/x.ppm"
fails 2 ".npy expected" image "$face" --preprocess cifar -o "$work/x.ppm"
fails 2 "WIDTHxHEIGHT" image "$face" --resize 0x5 -o "$work/x.ppm"
run "image on its side" image tests/golden/exif_6.jpg -o "$work/side.ppm"
cp "$work/stderr" "$work/warnings"
ok "its orientation is told" grep -q 'exif_6.jpg: Exif orientation 6 not applied' "$work/warnings"
ok "and not applied" sh -c 'head -n 2 "$1" | tail -n 1 | grep -qx "5 3"' sh "$work/side.ppm"
run "image turned upright" image tests/golden/exif_6.jpg --exif -o "$work/side.ppm"
ok "upright size" sh -c 'head -n 2 "$1" | tail -n 1 | grep -qx "3 5"' sh "$work/side.ppm"
printf 'no picture' >"$work/no.jpg"
fails 1 "no.jpg: " image "$work/no.jpg" -o "$work/x.ppm"
head -c 700 "$face" >"$work/cut.png"
fails 1 "cut.png: " image "$work/cut.png" -o "$work/x.ppm"
fails 1 "face.ppm: byte 8: found 64 x 64 pixels, at most 4095 are read; --max-pixels" image "$work/face.ppm" --max-pixels 4095 -o "$work/x.ppm"
run "image at the limit" image "$work/face.ppm" --max-pixels=4096 -o "$work/x.ppm"
rm "$work/x.ppm"
printf 'P4 10001 10000\n' >"$work/bomb.pbm"
fails 1 "bomb.pbm: byte 14: found 10001 x 10000 pixels, at most 100000000 are read; --max-pixels" image "$work/bomb.pbm" -o "$work/x.ppm"
fails 1 "truncated copy?" image "$work/bomb.pbm" --max-pixels 101M -o "$work/x.ppm"
for n in 0 3G 1.5M M 10Q -1; do fails 2 "--max-pixels: '$n' found, a number of pixels up to 2G" image "$face" "--max-pixels=$n" -o "$work/x.ppm"; done

# ---- controls ----
run "scramble a tree" stimuli scramble --method box "$work/set" --seed 3 -o "$work/boxes"
ok "the same names" sh -c 'cd "$1" && find . -name "*.png" | sort >a && cd "$2" && find . -name "*.png" | sort | cmp - "$1/a" && rm "$1/a"' sh "$work/boxes" "$work/set"
run "scramble one picture" stimuli scramble --method box --seed=3 "$face" -o "$work/box.png"
ok "alone as in the tree" cmp "$work/box.png" "$work/boxes/adult/adult-1.png"
run "scramble, one thread" stimuli scramble --method phase "$work/set" -o "$work/phase1" --threads 1
run "scramble, two threads" stimuli scramble --method phase "$work/set" -o "$work/phase2" --threads 2
ok "the same for any threads" diff -r "$work/phase1" "$work/phase2"
run "shine" stimuli shine "$work/set" -o "$work/shone"
run "shine, histogram" stimuli shine "$work/set" --method histogram -o "$work/shone2"
ok "shine's names" test -s "$work/shone2/scrambled/scrambled-1.png"
fails 2 "scramble: --method box or phase expected" stimuli scramble "$work/set" -o "$work/x"
fails 2 "--method: 'box' found, luminance or histogram" stimuli shine --method box "$work/set" -o "$work/x"
fails 2 "--method is an option of" stimuli sheet --method box "$work/set" -o "$work/x.png"
fails 1 "nowhere: cannot be opened" stimuli scramble --method box "$work/nowhere" -o "$work/x"
fails 1 "ending in .png expected" stimuli scramble --method box "$face" -o "$work/x"
fails 1 "over what is read" stimuli scramble --method box "$work/set" -o "$work/set/../set"
fails_all 20 "at most 4000 are read; --max-pixels" stimuli scramble --method box "$work/set" --max-pixels 4K -o "$work/x"
fails_all 20 "at most 4000 are read; --max-pixels" stimuli sheet "$work/set" --max-pixels 4K -o "$work/x.png"
fails_all 20 "at most 4000 are read; --max-pixels" run --model "$small" --stimuli "$work/set" --max-pixels 4K --out "$work/x"
fails 1 "at most 4000 are read; --max-pixels" embed --model "$small" "$face" --max-pixels 4K -o "$work/x.npy"
fails 1 "found 64 x 64 pixels, expected at least 65 x 65" stimuli scramble --method box --grid 65 "$work/set" -o "$work/x"
mkdir -p "$work/tree/a/b" "$work/tree/empty" "$work/barren/a"
cp "$face" "$work/tree/a/b/1.png" && cp "$work/face.ppm" "$work/tree/a/b/1.ppm"
fails 1 "1.png: rename one" stimuli scramble --method phase "$work/tree" -o "$work/x"
rm "$work/tree/a/b/1.ppm" && head -c 700 "$face" >"$work/tree/z.png"
fails 1 "z.png: " stimuli scramble --method phase "$work/tree" -o "$work/x"
fails 1 "z.png: " stimuli shine "$work/tree" -o "$work/x"
rm "$work/tree/z.png" && ln -s .. "$work/tree/a/b/up"
fails 1 "a symbolic link in a circle?" stimuli scramble --method phase "$work/tree" -o "$work/x"
fails 1 "no picture in it" stimuli scramble --method box "$work/barren" -o "$work/x"
ok "nothing was written" test ! -e "$work/x"

# ---- weight files ----
run "inspect" inspect "$small" --sha256
says '^conv1.weight	f32	16x3x3x3	[0-9a-f]{64}$'
cp "$work/stdout" "$work/digests"
run "convert" convert "$small" -o "$work/a.safetensors"
run "convert again" convert "$work/a.safetensors" -o "$work/b.safetensors"
run "inspect the blob" inspect "$work/a.safetensors" --sha256
sort "$work/stdout" >"$work/digests.blob"
sort "$work/digests" >"$work/digests.random"
ok "same tensors" cmp "$work/digests.random" "$work/digests.blob"
run "convert to f16" convert -o "$work/h.safetensors" --dtype f16 "$work/a.safetensors"
ok "f16 is smaller" test "$(wc -c <"$work/h.safetensors")" -lt "$(($(wc -c <"$work/a.safetensors") * 6 / 10))"
fails 1 "--arch says clip_resnet" convert "$small" --arch clip_resnet -o "$work/x.safetensors"
fails 2 "f32, f16 or bf16" convert "$small" --dtype f8 -o "$work/x.safetensors"
: >"$work/empty.pth"
printf '<!DOCTYPE html><html>not found</html>' >"$work/page.pth"
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 102400\n' >"$work/lfs.pth"
head -c 5000 "$work/a.safetensors" >"$work/cut.safetensors"
(cd "$work" && tar cf old.pth face.npy)
for bad in empty.pth page.pth lfs.pth cut.safetensors old.pth missing.pth set face.ppm; do
    fails 1 "$bad: " inspect "$work/$bad"
    fails 1 "$bad: " run --model "m=$work/$bad" --stimuli "$work/set" --out "$work/bad"
done
fails 1 "git lfs pull" inspect "$work/lfs.pth"
fails 1 "random:vgg" inspect 'random:vgg?seed=1'

# ---- activations, embeddings, classes ----
run "activations npz" activations --model "$small" --layer all "$face" "$house" -o "$work/all.npz"
run "activations npy" activations --model "$small" --layer layer2.0.relu "$face" "$house" -o "$work/one.npy"
ok "npy shape" grep -qa "'shape': (2, 32, 16, 16)" "$work/one.npy"
run "embed" embed --model "$small" "$face" "$house" -o "$work/e.npy"
ok "embed shape" grep -qa "'shape': (2, 64)" "$work/e.npy"
run "classify" classify --model "$small" --top 2 "$face" "$house"
says "adult-1.png	1	[0-9]	0\.[0-9]+$"
ok "two lines a picture" test "$(wc -l <"$work/stdout")" -eq 4
printf 'a\nb\n' >"$work/labels"
fails 1 "2 lines found, the model has 10 classes" classify --model "$small" --labels "$work/labels" "$face"
fails 1 "no layer is called 'layer9.0.relu'; there are: relu layer1.0.relu1" activations --model "$small" --layer layer9.0.relu "$face" -o "$work/x.npy"
fails 1 "name it .npz" activations --model "$small" --layer all "$face" -o "$work/x.npy"

# ---- run ----
run "run" run --model a="$work/a.safetensors" --model "$small" --stimuli "$work/set" --out "$work/out" --layers=relu,layer3.0.relu
says '^report: .*/out/report.html$'
for f in run.json run.log layers.csv compare.csv pixels.csv report.html units/a/relu.npz figures/fig2b.svg; do
    ok "out/$f" test -s "$work/out/$f"
done
ok "rows of pixels.csv" test "$(wc -l <"$work/out/pixels.csv")" -eq 6
ok "its table in the report" grep -q 'Before any network' "$work/out/report.html"
ok "rows of layers.csv" test "$(wc -l <"$work/out/layers.csv")" -eq 21
run "run on a manifest" run --model a="$work/a.safetensors" --model "$small" --stimuli "$work/set/manifest.tsv" --out "$work/listed" --layers=relu,layer3.0.relu
ok "a manifest's results are its folder's" cmp "$work/out/layers.csv" "$work/listed/layers.csv"
cp "$face" "$work/set/adult/again.png"
printf '%s\n' 'adult/adult-1.png	face' 'adult/adult-2.png	face' 'adult/again.png	body' 'body/body-1.png	body' >"$work/set/twice.tsv"
run "run on a manifest with a picture twice" run --model "$small" --stimuli "$work/set/twice.tsv" --layers relu --out "$work/twice"
cp "$work/stderr" "$work/warnings"
ok "a picture twice is told" grep -q 'warning: .*/adult/again.png is the same picture as .*/adult/adult-1.png' "$work/warnings"
rm "$work/set/adult/again.png"
fails 1 "twice.tsv: line 3: " run --model "$small" --stimuli "$work/set/twice.tsv" --out "$work/bad"
for t in 1 2; do
    run "run with scrambled pictures" run --model "$small" --stimuli "$work/set" --categories 'face=adult,child;place=house' --scrambled auto \
        --layers relu --out "$work/scr$t" --threads $t
done
ok "scrambled is a category" grep -q ',relu,scrambled,' "$work/scr1/layers.csv"
ok "the same for any threads" same_runs "$work/scr1" "$work/scr2"
fails 2 "--scrambled: 'box' found, auto or none" run --model "$small" --scrambled box --out "$work/bad"
run "run, full units" run --model "$small" --stimuli 'builtin?per_category=4' --units full --correction none --out "$work/full"
ok "full units" sh -c 'test $(wc -c <"$1") -gt 1000000' sh "$work"/full/units/*/relu.npz
fails 1 "nowhere" run --model "$small" --stimuli "$work/nowhere" --out "$work/bad"
mkdir -p "$work/none/face" "$work/none/house" "$work/single/face" "$work/single/house"
fails 1 "none" run --model "$small" --stimuli "$work/none" --out "$work/bad"
for n in 1 2; do cp "$face" "$work/single/face/$n.png"; done
cp "$house" "$work/single/house/1.png"
fails 1 "house" run --model "$small" --stimuli "$work/single" --out "$work/bad"
cp "$work/cut.png" "$work/single/house/2.png"
fails 1 "house/2.png: " run --model "$small" --stimuli "$work/single" --out "$work/bad"
fails 1 "no layer is called 'layer4.0.relu'" run --model "$small" --stimuli "$work/set" --layers layer4.0.relu --out "$work/bad"
ok "nothing was written for bad input" test ! -e "$work/bad"
fails 1 "two models are called" run --model "$small" --model "$small" --stimuli "$work/set" --out "$work/bad"
: >"$work/file"
fails 1 "file" run --model "$small" --stimuli "$work/set" --out "$work/file/out"
if [ "$(id -u)" -ne 0 ]; then
    mkdir "$work/readonly" && chmod a-w "$work/readonly"
    fails 1 "readonly" run --model "$small" --stimuli "$work/set" --out "$work/readonly/out"
else
    skipped=$((skipped + 1))
    echo "skipped: a folder that cannot be written: root may write anywhere"
fi
if [ -w /dev/full ]; then
    $program inspect "$small" >/dev/full 2>"$work/full.txt"
    ok "a full disk behind stdout" grep -q "standard output: cannot be written" "$work/full.txt"
fi
# ---- beyond the default: criteria, halves, resampling, finished runs, lesions ----
two="--model a=$work/a.safetensors --model b=random:cifar_resnet8?seed=3 --stimuli builtin?per_category=6 --layers relu,layer3.0.relu"
run "every statistic" run $two --bootstrap 20 --permutations 9 --sweep --consistency --out "$work/every"
run "the same in 1 MB" run $two --bootstrap 20 --permutations 9 --sweep --consistency --max-memory 1M --out "$work/little"
ok "the same bytes through the scratch file" same_runs "$work/every" "$work/little"
ok "the scratch file was used" grep -q 'scratch_bytes	[1-9]' "$work/little/run.log"
cut -d, -f1-3,5 "$work/every/permutations.csv" >"$work/from-responses"
cut -d, -f1-3,6 "$work/every/layers.csv" >"$work/from-moments"
ok "responses and moments agree" cmp "$work/from-responses" "$work/from-moments"
for t in sweep:801 consistency:33 signflip:21 permutations:21 compare:11; do
    ok "rows of ${t%:*}.csv" test "$(wc -l <"$work/every/${t%:*}.csv")" -eq "${t#*:}"
done
ok "how intervals were made in run.json" grep -q '"interval": "centred"' "$work/every/run.json"
ok "intervals in layers.csv" grep -qE '^([^,]*,){6}[0-9]' "$work/every/layers.csv"
run "plain" run $two --halves none --out "$work/plain"
cut -d, -f1-6,8-17 "$work/plain/layers.csv" | cut -d, -f1-6,8- >"$work/plain.csv"
cut -d, -f1-6,8-17 "$work/every/layers.csv" | cut -d, -f1-6,8- >"$work/every.csv"
ok "the plain numbers are the same with every option" cmp "$work/plain.csv" "$work/every.csv"
run "AUC" run $two --correction none --permutations 2 --out "$work/auc"
ok "cross-validated, with AUC" grep -qE '^([^,]*,){17}[-0-9.e]+,[-0-9.e]+,[-0-9.e]+,[^,]*,[-0-9.e]+,,,,,0[.][0-9]+,' "$work/auc/layers.csv"
ok "nothing of the kind without halves" test "$(sed 1d "$work/plain/layers.csv" | cut -d, -f18-22,27 | sort -u)" = ",,,,,"
options="--stimuli builtin?per_category=8 --categories face=adult,child;body=body,limb;place=house,corridor;word=word,number;scrambled=scrambled"
run "halves by fLoc's options" run --model "$small" $options --halves option --out "$work/option"
ok "run.json says so" grep -q '"halves": "option"' "$work/option/run.json"
run "halves in turn" run --model "$small" $options --out "$work/turn"
ok "run.json says the default" grep -q '"halves": "alternate"' "$work/turn/run.json"
cut -d, -f21 "$work/option/layers.csv" >"$work/option.r"
cut -d, -f21 "$work/turn/layers.csv" >"$work/turn.r"
ok "other halves, other reliability" sh -c '! cmp -s "$1" "$2"' sh "$work/option.r" "$work/turn.r"
fails 1 "no category has pictures of both of fLoc's options" run --model "$small" --stimuli 'builtin?per_category=4' --categories 'face=adult;word=word' --halves option --out "$work/o"
fails 2 "'third' found, alternate, option or none expected" run --model "$small" --halves third --out "$work/o"
for p in lu-wang prince tdann baek afraz; do
    run "preset $p" run $two --preset $p --out "$work/preset" --force
    ok "run.json says the preset" grep -q "\"preset\": \"$p\"" "$work/preset/run.json"
    ok "so does the report" grep -q "This is the preset $p, after .* Not stated there" "$work/preset/report.html"
done
run "Student's test" run $two --test student --out "$work/student"
ok "run.json says the test" grep -q '"test": "student"' "$work/student/run.json"
run "ratio" run $two --criterion ratio --out "$work/ratio"
ok "no test, no correction" grep -q '"correction": null' "$work/ratio/run.json"
run "compare" compare "$work/plain" "$work/every"
says '^a,b,layer3.0.relu,scrambled,'
run "compare into a file" compare "$work/every" "$work/plain" -o "$work/compared.csv"
ok "every pair of models" test "$(wc -l <"$work/compared.csv")" -eq 41
fails 1 "chose units differently: criterion is \"iut\" and \"ratio\"" compare "$work/plain" "$work/ratio"
fails 1 "were not shown the same pictures: the 1. is" compare "$work/plain" "$work/out"
fails 1 "x/run.json: not a finished run" compare "$work/plain" "$work/x"
mkdir "$work/odd" && sed 's/"sha256": "[0-9a-f]*"/"sha256": "0"/' "$work/plain/run.json" >"$work/odd/run.json" && cp "$work/plain/layers.csv" "$work/odd"
fails 1 "different contents (sha256)" compare "$work/plain" "$work/odd"
head -c 300 "$work/plain/run.json" >"$work/odd/run.json"
fails 1 "odd/run.json: byte 300" compare "$work/plain" "$work/odd"
lesion="--model $work/a.safetensors --run $work/ratio --stimuli builtin?per_category=6 --category face"
run "lesion" lesion $lesion --layer relu --controls 5
says '^relu,face,0,[0-9]+,[0-9]+,zero,scrambled,6,'
cp "$work/stdout" "$work/lesion"
run "lesion, other batch and threads" lesion $lesion --layer relu --controls 5 --batch 7 --threads 1 -o "$work/again.csv"
ok "the same bytes" cmp "$work/lesion" "$work/again.csv"
run "lesion, both read-outs" lesion $lesion --layer relu --controls 5 --readout both -o "$work/both.csv"
ok "the same rows by class means, as many by ridge" sh -c 'head -n 6 "$1" | cmp - "$2" && test "$(grep -c ,ridge$ "$1")" -eq 5' sh "$work/both.csv" "$work/lesion"
fails 1 "comes after the final features" lesion $lesion --layer fc
fails 1 "no model of this run has the weights" lesion $lesion --model 'random:cifar_resnet8?seed=9' --layer relu
fails 1 "no category is called 'cat'" lesion $lesion --category cat --layer relu
fails 1 "was shown other pictures" lesion $lesion --stimuli "$work/set" --layer relu
# ---- the report, drawn again from a run's files ----
run "a run with units to show" run $two --correction none --bootstrap 20 --permutations 9 --consistency --out "$work/shown"
ok "units are selective" test "$(wc -l <"$work/shown/top_units.csv")" -gt 100
for d in out shown ratio; do
    cp -r "$work/$d" "$work/drawn" && rm -r "$work/drawn/report.html" "$work/drawn/figures" "$work/drawn/run.log"
    run "report $d" report "$work/drawn"
    says '^report: .*/drawn/report.html$'
    ok "the bytes of the run" same_runs "$work/$d" "$work/drawn"
    rm -r "$work/drawn"
done
fails 2 "one folder of a finished run expected, 2 found" report "$work/out" "$work/shown"
fails 1 "nowhere/run.json: not a finished run" report "$work/nowhere"
# spoiled FILE SED WORDS: that file of a copy changed (or removed), the words expected
spoiled() {
    rm -rf "$work/spoiled" && cp -r "$work/shown" "$work/spoiled"
    if [ "$2" = gone ]; then rm "$work/spoiled/$1"; else sed "$2" "$work/shown/$1" >"$work/spoiled/$1"; fi
    rm "$work/spoiled/report.html"
    fails 1 "$1: $3" report "$work/spoiled"
    ok "no report of a spoiled run" test ! -e "$work/spoiled/report.html"
}
for f in layers.csv compare.csv pixels.csv profiles.csv top_units.csv permutations.csv consistency.csv pictures.png units/a/layer3.0.relu.npz; do
    spoiled $f gone "cannot be opened"
done
spoiled layers.csv '1s/,csi_sd,/,csi_old,/' "line 1: no column is called csi_sd: written by another version? Run it again"
spoiled layers.csv '4d' "line 4: category place of one layer expected here"
spoiled layers.csv '3,6s/,4096,/,4097,/;2,6s/,16384,/,16385,/' "line 2: 16385 units are not 16 x 32 x 32"
spoiled layers.csv '3s/^a,/z,/' "line 3: no model of run.json is called 'z'"
spoiled layers.csv '3s/,[0-9.]*,/,many,/' "line 3: n_units: 'many' found, a number expected"
spoiled profiles.csv '5d' "line 5: picture 1 and category scrambled are out of order"
spoiled profiles.csv '$d' "rows are missing"
spoiled top_units.csv '/,most,1,/d' "line 2: place 1 of a unit's pictures expected first"
spoiled profiles.csv '2s/$/,1/' "line 2: 8 fields found, 7 expected"
spoiled consistency.csv '3s/layer3.0.relu/layer9/' "line 3: no layer of a in layers.csv is called 'layer9'"
spoiled run.json '/"consistency"/d' "no models, no categories or no 'consistency' in it: written by another version? Run it again"
spoiled run.json 's/"category": "word"/"category": "face"/' "its pictures are not in the order of its categories"
spoiled pictures.png 's/PNG/GIF/' "no PNG file"
run "bench" bench --model "$small" --rounds 2 --csv
says '^total,[0-9.]+,[0-9.]+,'
run "bench with 1 to 3 threads" bench --model "$small" --rounds 1 --threads 3 --totals --batch 2 --csv
says '^totals,3,2,[0-9.]+,[0-9.]+,[0-9.]+,[0-9.]+,[0-9.]+$'

# ---- real networks and pictures, where they are ----
if [ -d "$shared/weights" ]; then
    run "the real CIFAR ResNet-20" run --model "r20=$shared/weights/cifar_resnet20-12fca82f.th" --stimuli "$shared/floc" --categories no-objects --test welch --out "$work/floc"
    # from PyTorch, NumPy and SciPy over the same 192 pictures
    ok "face units as PyTorch and SciPy find them" grep -q '^r20,layer3.2.relu,face,4096,139,0.033935546875,,,0.578' "$work/floc/layers.csv"
    run "the same by the balanced test" run --model "r20=$shared/weights/cifar_resnet20-12fca82f.th" --layers layer2.2.relu,layer3.2.relu \
        --stimuli "$shared/floc" --categories no-objects --out "$work/balanced"
    ok "and face units as NumPy and SciPy find them" grep -q '^r20,layer3.2.relu,face,4096,110,' "$work/balanced/layers.csv"
    ok "in another layer" grep -q '^r20,layer2.2.relu,face,8192,59,' "$work/balanced/layers.csv"
    fails 1 "truncated_resnet50-19c8e357.pth: " inspect "$shared/weights/truncated_resnet50-19c8e357.pth"
else
    skipped=$((skipped + 3))
    echo "skipped: $shared is not there"
fi
finish
