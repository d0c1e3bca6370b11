#!/bin/sh
# SPDX-License-Identifier: MIT
# Shared decodable concepts beside PyTorch and NumPy: tests/bench/sdc.sh PROGRAM [ROUNDS]. In turns in one run; medians and least
# values of all rounds and their ratios. A peer that is not installed is left out with a word.
#   PYTHON   /usr/bin/python3: Debian's python3-torch, python3-numpy, python3-scipy, with OpenBLAS first in the library path
#   CORES    kernels of OpenBLAS: `own` is its own choice, which can be poor on a processor that it does not know; others by name
#   PARTS="step pairs ridge" and THREADS="1 2" choose; ridge takes minutes and 4 GB
program=${1:-./fusiform} rounds=${2:-5}
python=${PYTHON:-/usr/bin/python3} parts=${PARTS:-step pairs ridge} threads=${THREADS:-1 2}
grep -q avx512f /proc/cpuinfo 2>/dev/null && cores=${CORES:-own SkylakeX} || cores=${CORES:-own}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
for folder in /usr/lib/*/openblas-pthread; do
    [ ! -d "$folder" ] || blas=$folder
done
for module in torch numpy scipy; do
    "$python" -c "import $module" 2>/dev/null || missing="$missing $module"
done

ours() { # ours PART THREADS ROUNDS: appends "median least share" of each row to ms.ROW
    "$program" bench --sdc --only "$1" --threads "$2" --rounds "$3" --csv 2>/dev/null |
        while IFS=, read -r row ms least _ share; do echo "$ms $least $share" >>"$work/ms.$row"; done
}
peer() { # peer PART THREADS ROUNDS CORE: appends "median least kernel" to ms.PART.CORE
    (
        unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
        [ "$4" = own ] || export OPENBLAS_CORETYPE="$4"
        LD_LIBRARY_PATH=$blas${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} "$python" tests/bench/sdc.py "$1" "$2" "$3"
    ) >>"$work/ms.$1.$4" 2>/dev/null
}
middle() { sort -n "$work/ms.$1" | awk '{v[NR] = $1} END {print NR ? v[int((NR + 1) / 2)] : 0}'; }
least() { sort -n -k 2 "$work/ms.$1" | awk 'NR == 1 {print $2}'; }
ratio() { # ratio NAME OURS THEIRS..: sums of THEIRS (files) beside OURS
    name=$1 mine=$2
    shift 2
    for file; do
        [ -s "$work/ms.$file" ] || return
    done
    for file; do
        awk -v m="$(middle "$file")" -v l="$(least "$file")" 'END {print m, l, $3}' "$work/ms.$file"
    done | awk -v name="$name" -v a="$(middle "$mine")" -v b="$(least "$mine")" '{m += $1; l += $2; kernel = $3}
        END {printf "  %-34s %10.1f  least %10.1f   ratio of medians %.2f, of least %.2f\n", name " (" kernel ")", m, l, a / m, b / l}'
}
row() { # row NAME: our medians, and the share of the peak where there are products
    [ -s "$work/ms.$1" ] || return
    share=$(sort -n -k 3 "$work/ms.$1" | awk '{v[NR] = $3} END {print v[int((NR + 1) / 2)]}')
    case $share in 0.0) share= ;; *) share="   $share % of the peak" ;; esac
    printf '  %-34s %10.1f  least %10.1f%s\n' "$1" "$(middle "$1")" "$(least "$1")" "$share"
}

[ -z "$missing" ] || echo "not installed:$missing"
for n in $threads; do
    rm -f "$work"/ms.*
    case " $parts " in *" step "*)
        for round in $(seq "$rounds"); do
            ours step "$n" 15
            for core in $cores; do peer step "$n" 12 "$core"; done
        done
        echo "step of a decoder, 15,000 voxels, 512 dimensions, 128 trials, threads $n: ms (median of $rounds rounds)"
        for name in step_batch step_decode step_loss step_update step step_averaged; do row $name; done
        for core in $cores; do ratio PyTorch step "step.$core"; done
        ;;
    esac
    case " $parts " in *" pairs "*)
        for round in $(seq $(((rounds + 1) / 2))); do
            ours pairs "$n" 5
            for core in $cores; do
                for part in nearest halved lists; do peer $part "$n" 1 "$core"; done
            done
        done
        echo "all pairs of 20,000 vectors of 8 participants, 512 dimensions, threads $n: ms (median of $(((rounds + 1) / 2)) rounds)"
        for name in pairs_nearest pairs_clusters pairs; do row $name; done
        for core in $cores; do
            ratio "NumPy nearest, to pairs_nearest" pairs_nearest "nearest.$core"
            ratio "  each pair once" pairs_nearest "halved.$core"
            ratio "NumPy nearest, to pairs" pairs "nearest.$core"
            ratio "NumPy nearest and lists, to pairs" pairs "nearest.$core" "lists.$core"
        done
        ;;
    esac
    case " $parts " in *" ridge "*)
        ours ridge "$n" 1
        for core in $cores; do
            for part in ridge penalty; do peer $part "$n" 1 "$core"; done
        done
        echo "ridge regression, 15,000 trials of 15,000 voxels, threads $n: ms (once)"
        for name in ridge_products ridge_penalty; do row $name; done
        for core in $cores; do
            ratio "NumPy, products" ridge_products "ridge.$core"
            ratio "SciPy, one penalty" ridge_penalty "penalty.$core"
        done
        ;;
    esac
done
