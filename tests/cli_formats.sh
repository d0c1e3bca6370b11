#!/bin/sh
# SPDX-License-Identifier: MIT
# Weight files with more than tensors in them: what is read, listed, left out and refused. See golden/formats_make.py.
. tests/shell.sh
golden=tests/golden/formats_

says_err() { # says_err WORDS: the last command's stderr has them
    if grep -qF -- "$1" "$work/stderr"; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAILED: no '$1' in: $(head -c 400 "$work/stderr")"
    fi
}

# Every file gives the tensors, whatever stands beside them and however it was pickled.
tab=$(printf '\t')
while IFS="$tab" read -r file prefix want; do
    [ "${#prefix}" -eq 64 ] && want=$prefix prefix= # `read` takes two tabs for one
    run "inspect $file" inspect --sha256 "$golden$file"
    got=$(grep "^$prefix" "$work/stdout" | grep "${tab}f32${tab}" | sha256 | cut -c1-64)
    if [ "$got" = "$want" ]; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAILED $file: its tensors differ: $(cat "$work/stdout")"
    fi
done <"${golden}expected.txt"

run "what is left out of a checkpoint" inspect "${golden}objects_zip2.pth"
says_err "left out: 2 tensors in beside.tensors, an object of __main__.Holder"
says_err "NumPy array"
run "protocol 0" inspect "${golden}objects_zip0.pth"
says_err "pickle_protocol=0"
run "arrays of other types" inspect "${golden}mixed.npz"
for type in '|O' '<U1' '<c8'; do says_err "NumPy type \`$type\`"; done
run "texts in a pickle" inspect "${golden}arrays_4.pkl"
says_err "left out: model.texts, NumPy type \`<U1\`"

# Types that are not read are listed, with - for a digest.
run "other types" inspect --sha256 "${golden}others.pth"
says "^q${tab}quantized${tab}2x3${tab}-$"
says "^s${tab}sparse${tab}3x3${tab}-$"
says "^c${tab}complex64${tab}2${tab}-$"
says "^m${tab}meta${tab}3${tab}-$"

# A tensor behind an object is an error only where it is needed; alone, it is told how to export it.
run "one tensor in an object" inspect "${golden}hidden.pth"
says "^state_dict.head.weight${tab}object:__main__.Holder${tab}3x2$"
fails 1 "its tensors lie in an object of __main__.Holder at net" inspect "${golden}inside.pth"
says_err "weights_only=False)['net']; torch.save(m.state_dict(), 'weights.pth')"

# Several files.
mkdir "$work/folder"
cp tests/golden/weights_basic.safetensors "$work/folder/model.safetensors"
run "a folder" inspect --sha256 "$work/folder"
mv "$work/stdout" "$work/of_folder"
run "its file" inspect --sha256 tests/golden/weights_basic.safetensors
mv "$work/stdout" "$work/of_file"
ok "a folder is read as the file in it" cmp "$work/of_folder" "$work/of_file"
mv "$work/folder/model.safetensors" "$work/folder/other.safetensors"
fails 1 "is a folder without model.safetensors" inspect "$work/folder"
fails 1 "file formats_3of3.safetensors of the model is missing" inspect "${golden}missing.json"
fails 1 "file formats_2of2.bin lacks tensor conv.bias" inspect "${golden}mismatch.json"
fails 1 "the plain name of a file beside the index expected" inspect "${golden}escape.json"
printf '{"architectures": ["ResNet"]}' >"$work/config.json"
fails 1 "is JSON without a weight_map" inspect "$work/config.json"

# Damage: one line, whatever the format.
cp tests/golden/torch_stored.npz "$work/flipped.npz"
printf '\125' | dd of="$work/flipped.npz" bs=1 seek=420 conv=notrunc 2>/dev/null
fails 1 "do not have the checksum" inspect --sha256 "$work/flipped.npz"
fails 1 "do not have the checksum" inspect "$work/flipped.npz"
cp tests/golden/torch_compressed.npz "$work/packed.npz"
printf '\377\377\377\377' | dd of="$work/packed.npz" bs=1 seek=300 conv=notrunc 2>/dev/null
fails 1 "packed.npz" inspect --sha256 "$work/packed.npz"
mkfifo "$work/pipe.pth"
fails 1 "is a pipe, not a file" inspect "$work/pipe.pth"

finish
