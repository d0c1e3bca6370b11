#!/bin/sh
# The tokenizer on the command line, its tables against this machine's Python, and every vocabulary and list of texts that is refused.
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
