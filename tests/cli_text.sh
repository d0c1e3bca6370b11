#!/bin/sh
# SPDX-License-Identifier: MIT
# Texts on the command line: the tokenizer, embeddings, zero-shot classes, targets of training; what is refused; the tables of
# Unicode against this machine's Python. clip.safetensors and its embeddings are PyTorch's (tests/golden/text_make.py).
. tests/shell.sh
vocab=tests/golden/tokens_merges.txt

tokens() { # tokens IDS ARGUMENTS...: that is printed
    want=$1
    shift
    run "tokens $*" tokens --vocab $vocab "$@"
    ok "tokens $*: $(head -c 300 "$work/stdout")" [ "$(cat "$work/stdout")" = "$want" ]
}

# ids of Python (tests/golden/tokens.py)
tokens '712 320 546 517 320 703 269 713' 'a photo of a face.'
tokens '712 713
712 320 546 517 320 703 713' '' 'A PHOTO of a Face'
printf '\357\273\277a photo of a face.\r\n\npath/1.png\tx\tA PHOTO of a Face' >"$work/texts.tsv"
tokens '712 320 546 517 320 703 269 713
712 713
712 320 546 517 320 703 713' --texts "$work/texts.tsv"
for form in bpe.txt.gz text.json pairs.json; do
    run "$form" tokens --vocab tests/golden/tokens_$form 'a photo of a face.'
    says '^712 320 546 517 320 703 269 713$'
done

# The vocabulary beside the weights.
mkdir "$work/clip" "$work/clip/tokenizer"
: >"$work/clip/RN50.pt"
fails 1 'RN50.pt: texts need CLIP'"'"'s vocabulary; bpe_simple_vocab_16e6.txt.gz' tokens --model "$work/clip/RN50.pt" x
cp $vocab "$work/clip/tokenizer/"
mv "$work/clip/tokenizer/tokens_merges.txt" "$work/clip/tokenizer/merges.txt"
run 'beside the weights' tokens --model "$work/clip/RN50.pt" 'a photo of a face.'
says '^712 320 546'
run 'in their folder' tokens --model "$work/clip" 'a photo of a face.'
says '^712 320 546'

# Texts that are refused, and those that are cut.
long=$(printf 'zq %.0s' $(seq 60))
fails 1 'text 1: 122 tokens, the model takes 77: shorten it or give --truncate' tokens --vocab $vocab "$long"
run 'cut' tokens --vocab $vocab --truncate "$long"
ok 'to 77 ids' [ "$(wc -w <"$work/stdout")" -eq 77 ]
{ echo a; echo "$long"; } >"$work/long.txt"
fails 1 'long.txt: line 2: 122 tokens' tokens --vocab $vocab --texts "$work/long.txt"
printf 'a\nb\ncaf\351 noir\n' >"$work/latin.txt"
fails 1 'latin.txt: line 3, byte 3: not UTF-8: saved as Latin-1?' tokens --vocab $vocab --texts "$work/latin.txt"
fails 1 'text 2, byte 0: not UTF-8' tokens --vocab $vocab a "$(printf '\200')"
: >"$work/empty.txt"
fails 1 'empty.txt: empty: one text a line expected' tokens --vocab $vocab --texts "$work/empty.txt"
fails 1 'none.txt: ' tokens --vocab $vocab --texts "$work/none.txt"
fails 2 'texts expected' tokens --vocab $vocab
fails 2 'FILE' tokens 'a text'
run 'a text misread' tokens --vocab $vocab "$(printf 'caf\303\203\302\251')" "$(printf 'caf\303\203\302\251')"
ok 'is mentioned once' [ "$(grep -c 'looks like UTF-8 read as Latin-1' "$work/stderr")" -eq 1 ]

# Vocabularies that are refused.
fails 1 'line 1: '"'"'#version'"'"' expected' tokens --vocab tests/golden/words_glove.txt x
echo '{"model": {"type": "Unigram", "vocab": []}}' >"$work/unigram.json"
fails 1 'unigram.json: model.type is Unigram, a BPE with end_of_word_suffix "</w>" expected' tokens --vocab "$work/unigram.json" x
echo '{"a": 0, "b": 1}' >"$work/vocab.json"
fails 1 'vocab.json: no "model" found: ids without merges? merges.txt lies beside' tokens --vocab "$work/vocab.json" x
sed '5s/ //' $vocab >"$work/merges.txt"
fails 1 'merges.txt: line 5: two pieces and a space expected' tokens --vocab "$work/merges.txt" x
head -c 400 tests/golden/tokens_bpe.txt.gz >"$work/cut.txt.gz"
fails 1 'cut.txt.gz: ' tokens --vocab "$work/cut.txt.gz" x
fails 1 "$work: " tokens --vocab "$work" x

# Embeddings of texts.
clip=tests/golden/text_clip.safetensors
list=tests/golden/text_list.txt
said="--vocab $vocab --activation quickgelu"
picture=tests/golden/net_scene.jpg
run 'embed a file of texts' embed --model $clip --texts $list $said -o "$work/file.npy"
ok 'its record' grep -q '"vocabulary_sha256": "'"$(sha256 $vocab | cut -c1-64)" "$work/file.npy.json"
while IFS= read -r line; do printf '%s\n%s\n' --text "$line"; done <$list >"$work/options"
set --
while IFS= read -r word; do set -- "$@" "$word"; done <"$work/options"
run 'the same texts as options' embed --model $clip "$@" $said -o "$work/options.npy" --threads 3
ok 'the same bytes' cmp "$work/file.npy" "$work/options.npy"
run 'embed on standard output' embed --model $clip --texts $list $said -o -
cp "$work/stdout" "$work/stream.npy"
ok 'the same bytes' cmp "$work/file.npy" "$work/stream.npy"
cp $clip "$work/clip/RN50.safetensors"
run 'the vocabulary beside the weights' embed --model "$work/clip/RN50.safetensors" --texts $list --activation quickgelu -o "$work/beside.npy"
ok 'the same bytes' cmp "$work/file.npy" "$work/beside.npy"
printf 'the {} here\na photo of a {}.\n' >"$work/templates.txt"
run 'templates of a file' embed --model $clip --texts $list --templates "$work/templates.txt" $said -o "$work/t1.npy"
run 'templates as options' embed --model $clip --texts $list --template 'the {} here' --template 'a photo of a {}.' $said -o "$work/t2.npy"
ok 'the same bytes' cmp "$work/t1.npy" "$work/t2.npy"
fails 1 'QuickGELU or GELU?' embed --model $clip --text a --vocab $vocab -o "$work/no.npy"
fails 1 "texts need CLIP's vocabulary" embed --model $clip --text a --activation gelu -o "$work/no.npy"
fails 1 'has no text tower (no token_embedding.weight): a CLIP file' embed --model tests/golden/net_cifar.pth --text a $said -o "$work/no.npy"
fails 1 'long.txt: line 2: 122 tokens' embed --model $clip --texts "$work/long.txt" $said -o "$work/no.npy"
run 'cut' embed --model $clip --texts "$work/long.txt" --truncate $said -o "$work/cut.npy"
fails 1 'latin.txt: line 3, byte 3: not UTF-8' embed --model $clip --texts "$work/latin.txt" $said -o "$work/no.npy"
sed '$d' $vocab >"$work/short.txt"
fails 1 'short.txt: 199 merges, token_embedding.weight of '"$clip"' needs 200' embed --model $clip --text a --vocab "$work/short.txt" --activation gelu -o "$work/no.npy"
printf 'a {}\na\n' >"$work/bad.txt"
fails 1 'bad.txt: line 2: {} expected once' embed --model $clip --text a --templates "$work/bad.txt" $said -o "$work/no.npy"
fails 2 '{} expected once' embed --model $clip --text a --template 'a photo' $said -o "$work/no.npy"
fails 2 'pictures or texts expected' embed --model $clip --text a $said $picture -o "$work/no.npy"
fails 2 'one of them expected' embed --model $clip --text a --texts $list $said -o "$work/no.npy"
fails 2 'are of texts' embed --model $clip --truncate $picture -o "$work/no.npy"
fails 2 '--activation: ' embed --model $clip --text a --activation tanh -o "$work/no.npy"

# Zero-shot classes: from names, and from the embeddings that embed wrote, with the file's logit scale in both.
printf 'face\nhouse\ndog\n' >"$work/classes.txt"
run 'classify by names' classify --model $clip --text-labels "$work/classes.txt" $said $picture tests/golden/net_set
cp "$work/stdout" "$work/by_names"
says '	1	(face|house|dog)	0\.'
run 'their embeddings' embed --model $clip --texts "$work/classes.txt" --template 'a photo of a {}.' $said -o "$work/classes.npy"
run 'classify by embeddings' classify --model $clip --text-embeddings "$work/classes.npy" --labels "$work/classes.txt" $picture tests/golden/net_set
cp "$work/stdout" "$work/again"
ok 'the same classes' cmp "$work/again" "$work/by_names"
run 'with two templates' classify --model $clip --text-labels "$work/classes.txt" --templates "$work/templates.txt" $said $picture
run 'the tower of another file' classify --model $clip --text-labels "$work/classes.txt" --text-model "$work/clip/RN50.safetensors" --activation quickgelu $picture tests/golden/net_set
cp "$work/stdout" "$work/again"
ok 'the same classes' cmp "$work/again" "$work/by_names"
fails 1 'net_lang.pth: its embedding has ' classify --model tests/golden/net_lang.pth --text-labels "$work/classes.txt" --text-model $clip $said $picture
printf 'face\n\ndog\n' >"$work/gap.txt"
fails 1 'gap.txt: line 2: empty, a name expected' classify --model $clip --text-labels "$work/gap.txt" $said $picture
fails 1 'has no text tower (no token_embedding.weight): give --text-model with a CLIP file' classify --model tests/golden/net_lang.pth --text-labels "$work/classes.txt" $said $picture
fails 2 'one of them expected' classify --model $clip --text-labels "$work/classes.txt" --labels "$work/classes.txt" $said $picture
fails 2 'one of them expected' classify --model $clip --text-labels "$work/classes.txt" --text-embeddings x.npy $said $picture
fails 2 'which is not given' classify --model $clip --vocab $vocab $picture

# Targets of training: captions, names of classes, controls; then zero-shot by the tower that the head learned from.
model='random:resnet?stem=3x3&block=basic&blocks=1,1,1&width=4&input=32&classes=3&seed=1'
drawn='builtin?per_category=4&seed=5&side=32&categories=adult,car,word'
for language in clip: class:clip: shuffled:clip:; do
    run "train --language $language" train --model "$model" --stimuli "$drawn" --validate 25% --language $language$clip $said --epochs 1 --batch 9 --out "$work/train" --force
    ok "$language in train.json" grep -q '"targets": "CLIP.s text tower (text_clip.safetensors, quickgelu) of 12 captions, 24 dimensions' "$work/train/train.json"
done
ok 'the vocabulary in train.json' grep -q '"vocabulary_sha256": "'"$(sha256 $vocab | cut -c1-64)" "$work/train/train.json"
run 'zero-shot by the head' classify --model "$work/train/model.safetensors" --text-labels "$work/classes.txt" --text-model $clip $said $picture
run 'pictures as files' stimuli generate --per-category 4 --side 32 --categories adult,car,word -o "$work/drawn"
run 'names of classes' train --model "$model" --stimuli "$work/drawn" --validate 25% --language clip:$clip $said --epochs 1 --batch 9 --out "$work/names"
sed "s/\$/ caf$(printf '\303\203\302\251')/" "$work/drawn/captions.tsv" >"$work/misread.tsv"
run 'captions misread' train --model "$model" --stimuli "$work/drawn" --validate 25% --captions "$work/misread.tsv" --language clip:$clip $said --epochs 1 --batch 9 --out "$work/misread"
ok 'are mentioned' [ "$(grep -c 'a caption looks like UTF-8 read as Latin-1' "$work/stderr")" -eq 1 ]
ok 'in train.json' grep -q 'of 3 names of classes as .a photo of a {}' "$work/names/train.json"
fails 2 'are of --language clip:FILE' train --model "$model" --stimuli "$drawn" --language lsa --vocab $vocab --out "$work/no"
fails 1 'QuickGELU or GELU?' train --model "$model" --stimuli "$drawn" --language clip:$clip --vocab $vocab --out "$work/no"

# Latent semantic analysis in place of a text tower.
for i in 1 2 3 4 5 6; do printf 'p%d.png\ta red house\nq%d.png\ta blue car\nr%d.png\ta red car of stone\n' $i $i $i; done >"$work/captions.tsv"
run 'lsa' embed --model lsa:3 --texts "$work/captions.tsv" -o "$work/lsa.npy"
ok 'rows and dimensions' grep -qa "'shape': (18, 3)" "$work/lsa.npy"
ok 'its record' grep -q '"words": 7' "$work/lsa.npy.json"
run 'lsa of options' embed --model lsa --text 'red car' --text red --text car --text red --text car \
    --text 'red car' --text red --text car --text 'a red car' -o "$work/lsa1.npy"
ok 'as many dimensions as words' grep -qa "'shape': (9, 2)" "$work/lsa1.npy"
fails 1 'captions.tsv: 7 words stand in 5 texts or more, 8 dimensions need as many; try lsa:7' embed --model lsa:8 --texts "$work/captions.tsv" \
    -o "$work/no.npy"
echo 'x	wholly unknown' >>"$work/captions.tsv"
fails 1 'captions.tsv: line 19: no vector: none of its words stands in 5 texts' embed --model lsa:3 --texts "$work/captions.tsv" -o "$work/no.npy"
fails 2 "'lsa:0' found, lsa or lsa:D expected" embed --model lsa:0 --text a -o "$work/no.npy"
fails 2 'takes --text or --texts, and no options of a text tower' embed --model lsa --texts "$work/captions.tsv" --normalize -o "$work/no.npy"
fails 2 'takes --text or --texts' embed --model lsa stimuli -o "$work/no.npy"

# The tables of Unicode, where Python has the same version of it.
python=/usr/bin/python3
if [ "$($python -c 'import unicodedata; print(unicodedata.unidata_version)' 2>/dev/null)" = 14.0.0 ]; then
    $python tests/golden/unicode.py --print >"$work/tables.c"
    ok 'unicode_tables.c is what Python says' cmp "$work/tables.c" weights/unicode_tables.c
else
    skipped=$((skipped + 1))
    echo "skipped: no Python with Unicode 14"
fi

finish
