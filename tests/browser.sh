#!/bin/sh
# Reports in a real browser, headless Chromium, at a phone's, a tablet's and a desk's width, light and dark: nothing on the console, nothing
# wider than the window, every figure there, no label over another, every letter readable, nothing loaded from anywhere.
#
# usage: tests/browser.sh [RUN...]      folders of finished runs (default: some are made here); CHROMIUM=path; skipped where there is none
program="${RUN:+$RUN }${FUSIFORM:-./fusiform}"
chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)}
if [ -z "$chromium" ]; then
    echo "skipped: no Chromium here to show reports"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# What the page says of itself, as lines "width<TAB>what is wrong", and a last line "width<TAB>done FIGURES".
cat >"$work/measure.js" <<'JS'
window.addEventListener('load', function () {
    var wide = document.documentElement.clientWidth, lines = [], figures = 0;
    function say(what) { lines.push(window.innerWidth + '\t' + what); }
    function shown(e) { return !e.closest('details:not([open])'); }
    function near(e) { return (e.closest('[id]') || e).id; }
    function light(colour) {
        var c = colour.match(/[\d.]+/g).slice(0, 3).map(function (v) { v /= 255; return v <= 0.04045 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4); });
        return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2];
    }
    var paper = light(getComputedStyle(document.body).backgroundColor);
    if (document.documentElement.scrollWidth > wide)
        say('the page is ' + document.documentElement.scrollWidth + ' wide');
    document.querySelectorAll('figure').forEach(function (f) {
        var drawn = 0;
        f.querySelectorAll('svg').forEach(function (s) {
            var r = s.getBoundingClientRect();
            if (!shown(s) || s.classList.contains('sheet')) return;
            if (r.width < 10 || r.height < 10) say(near(s) + ': an empty picture');
            if (!s.closest('.scroll') && (r.left < 0 || r.right > wide + 0.5)) say(near(s) + ': a picture beside the window');
            drawn++;
        });
        if ((drawn || f.querySelector('.note')) && f.getBoundingClientRect().height > 40) figures++; else say(f.id + ': not visible');
    });
    document.querySelectorAll('figure svg').forEach(function (s) {
        if (!shown(s)) return;
        var boxes = [];
        s.querySelectorAll('text').forEach(function (t) {
            var at = light(getComputedStyle(t).fill), ratio = (Math.max(at, paper) + 0.05) / (Math.min(at, paper) + 0.05);
            if (ratio < 4.5) say(near(s) + ': "' + t.textContent + '" has a contrast of ' + ratio.toFixed(1));
            if (!t.getAttribute('transform') && t.textContent != '*') boxes.push([t.textContent, t.getBoundingClientRect()]);
        });
        for (var i = 0; i < boxes.length; i++)
            for (var k = 0; k < i; k++) {
                var a = boxes[i][1], b = boxes[k][1];
                if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3)
                    say(near(s) + ': "' + boxes[i][0] + '" over "' + boxes[k][0] + '"');
            }
    });
    performance.getEntriesByType('resource').forEach(function (e) { if (e.name.indexOf('data:') != 0) say('loads ' + e.name); });
    say('done ' + figures);
    parent.postMessage(lines, '*');
});
JS

# look REPORT SCHEME(0 dark, 1 light): the lines of all widths, and what Chromium wrote on the console
look() {
    awk -v script="$work/measure.js" '{ if (sub(/<\/body>/, "")) { print; print "<script>"; while ((getline line < script) > 0) print line; print "</script></body>" } else print }' \
        "$1/report.html" >"$work/page.html"
    {
        cat <<'HTML'
<!DOCTYPE html><body><pre id="lines"></pre><script>
onmessage = function (e) { document.getElementById('lines').textContent += e.data.join('\n') + '\n'; };
</script>
HTML
        for width in 360 800 1400; do echo "<iframe src=\"page.html\" style=\"width:${width}px;height:3000px;border:0\"></iframe>"; done
        echo '</body>'
    } >"$work/look.html"
    "$chromium" --headless=new --no-sandbox --disable-gpu --disable-extensions --disable-background-networking --user-data-dir="$work/profile" \
        --proxy-server=127.0.0.1:9 --enable-logging=stderr --virtual-time-budget=20000 --blink-settings=preferredColorScheme="$2" \
        --window-size=1500,1000 --dump-dom "file://$work/look.html" >"$work/dom" 2>"$work/stderr"
    sed -n '/<pre id="lines">/,/<\/pre>/p' "$work/dom" | sed 's/.*<pre id="lines">//; s/<\/pre>.*//' | grep -v '^$' >"$work/lines"
}

check() { # check RUN
    expected=$(grep -c '<figure' "$1/report.html")
    for scheme in 0 1; do
        look "$1" $scheme
        name="$(basename "$1"), $([ $scheme = 0 ] && echo dark || echo light)"
        for width in 360 800 1400; do
            if [ "$(grep -c "^$width	" "$work/lines")" = 1 ] && grep -q "^$width	done $expected\$" "$work/lines"; then
                passed=$((passed + 1))
            else
                failed=$((failed + 1))
                echo "FAILED $name, $width wide, $expected figures expected:"
                grep "^$width	" "$work/lines" | head -n 12
            fi
        done
        if grep 'CONSOLE' "$work/stderr"; then
            failed=$((failed + 1))
            echo "FAILED $name: the console is not empty"
        else
            passed=$((passed + 1))
        fi
    done
}

if [ $# -eq 0 ]; then
    # three models of other depths and everything that can be drawn; and one alone, by default
    $program run --model a='random:cifar_resnet8?seed=1' --model 'random:cifar_resnet8?seed=3' --model 'a network with a long name'='random:cifar_resnet14?seed=2' \
        --stimuli 'builtin?per_category=6' --correction none --bootstrap 9 --permutations 9 --consistency --out "$work/three" >"$work/log" 2>&1 &&
        $program run --model 'random:cifar_resnet20?seed=1' --stimuli 'builtin?per_category=8' --out "$work/one" >"$work/log" 2>&1 ||
        { tail -n 3 "$work/log"; echo "0 passed, 1 failed, 0 skipped"; exit 1; }
    set -- "$work/three" "$work/one"
fi
for run in "$@"; do check "$run"; done

# The check itself: a page with everything wrong must be told for all of it.
mkdir "$work/wrong"
cat >"$work/wrong/report.html" <<'HTML'
<!DOCTYPE html><body style="background:#fff"><div style="width:3000px">wide</div><script>console.error('no')</script><img src="http://127.0.0.1:9/none.png">
<figure id="one"><svg width="200" height="100"><text x="9" y="20">first</text><text x="12" y="22" fill="#eee">other</text></svg></figure>
<figure id="two"></figure></body>
HTML
look "$work/wrong" 1
for said in 'the page is 3' 'one: "other" has a contrast of 1.2' 'one: "other" over "first"' 'two: not visible' 'loads http:.*none.png' 'done 1'; do
    if grep -q "^360	$said" "$work/lines"; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAILED a wrong page: '$said' was not told"
    fi
done
if grep -q CONSOLE "$work/stderr"; then passed=$((passed + 1)); else
    failed=$((failed + 1))
    echo "FAILED a wrong page: its console was not seen"
fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
