#!/bin/sh
# SPDX-License-Identifier: MIT
# METHOD.md's exercises with the program: each answer is computed anew and must stand in the text; so must the drawing of the unit
# grid. Answers by hand: tests/test_worked.c.
# EXAMPLES=folder of the built examples (default build/tests/examples)
. tests/shell.sh
examples=${EXAMPLES:-build/tests/examples}
set='builtin?per_category=24&seed=777&side=64'
tr -s ' \n' '  ' <METHOD.md >"$work/text"

says_text() { # says_text WORDS: METHOD.md has them, whatever its line breaks
    if grep -qF -- "$1" "$work/text"; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAILED: METHOD.md does not say: $1"
    fi
}
column() { # column RUN CATEGORY NAME FORMAT: a number of layers.csv
    awk -F, -v category="$2" -v name="$3" -v format="$4" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
        $3 == category { printf format "\n", $at[name] }' "$1/layers.csv"
}
count() { column "$1" "$2" n_selective %d; }

says_text "./fusiform run --model demo:vision --layers layer3.1.relu --stimuli '$set'"
run "the run of the exercises" run --model demo:vision --layers layer3.1.relu --stimuli "$set" --out "$work/small"
ok "unit grid" ${RUN-} "$examples/unit_grid" "$work/small" vision layer3.1.relu "$work/unit_grid.svg"
drawn() { sed '/^<style>/,/<\/style>$/d' "$1"; } # without the report's style sheet, which may change
drawn "$work/unit_grid.svg" >"$work/drawn"
drawn tests/golden/unit_grid.svg >"$work/committed"
ok "the committed unit grid (make figures)" cmp "$work/drawn" "$work/committed"

small=$work/small
says_text "$(count "$small" face) of 4096 units, $(awk "BEGIN { printf \"%.2f\", 100 * $(column "$small" face proportion %.17g) }") %."
run "without correction" run --model demo:vision --layers layer3.1.relu --stimuli "$set" --correction none --out "$work/none"
says_text "Without correction $(count "$work/none" face)."
run "half the pictures" run --model demo:vision --layers layer3.1.relu --stimuli 'builtin?per_category=12&seed=777&side=64' \
    --out "$work/half"
says_text "$(count "$work/half" face) units with mean CSI $(column "$work/half" face csi_mean %.3f), instead of \
$(count "$small" face) with $(column "$small" face csi_mean %.3f)."
says_text "CV = $(column "$small" place variation_cv %.4f). Morisita: 16 · (2 + 20) / (8 · 7) = $(column "$small" place morisita %.4f)."
says_text "csi_mean = $(column "$small" face csi_mean %.3f), csi_same = $(column "$small" face csi_same %.3f), \
csi_cv = $(column "$small" face csi_cv %.3f)."
finish
