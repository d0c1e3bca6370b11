#!/bin/sh
# SPDX-License-Identifier: MIT
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
    // words outside of drawings, against the nearest background
    document.querySelectorAll('h1,h2,h3,h4,p,li,a,b,th,td,dt,dd,summary,caption,figcaption,button,span,pre,code,output,label,footer').forEach(function (e) {
        var own = Array.prototype.some.call(e.childNodes, function (n) { return n.nodeType == 3 && n.textContent.trim(); });
        if (!own || !shown(e) || e.closest('[hidden]')) return;
        for (var b = e; b.parentNode && /^(transparent|rgba\(0, 0, 0, 0\))$/.test(getComputedStyle(b).backgroundColor) && b != document.body;) b = b.parentNode;
        var at = light(getComputedStyle(e).color), under = light(getComputedStyle(b).backgroundColor);
        var ratio = (Math.max(at, under) + 0.05) / (Math.min(at, under) + 0.05);
        if (ratio < 4.5) say('"' + e.textContent.slice(0, 30) + '" has a contrast of ' + ratio.toFixed(1));
    });
    use(say);
    performance.getEntriesByType('resource').forEach(function (e) { if (e.name.indexOf('data:') != 0) say('loads ' + e.name); });
    say('done ' + figures);
    parent.postMessage(lines, '*');
});
// What the page's script adds is used once: a sorted column, the slider, a value at the pointer, a button to copy.
function use(say) {
    function all(s) { return Array.prototype.slice.call(document.querySelectorAll(s)); }
    function column(t, i) { return Array.prototype.slice.call(t.tBodies[0].rows).map(function (r) { return r.cells[i].textContent; }); }
    var found = null;
    all('.scroll table').forEach(function (t) {
        if (t.tHead) Array.prototype.slice.call(t.tHead.rows[0].cells).forEach(function (th, i) {
            if (!found && th.querySelector('.sort') && column(t, i).every(function (x) { return /^[\d.]+%?$/.test(x); })) found = [t, th, i];
        });
    });
    if (found) {
        var before = column(found[0], found[2]).join(), values;
        found[1].querySelector('.sort').click();
        values = column(found[0], found[2]).map(parseFloat);
        if (values.some(function (v, i) { return i && v < values[i - 1]; }) || found[1].getAttribute('aria-sort') != 'ascending') say('a table is not sorted');
        found[1].querySelector('.sort').click();
        found[1].querySelector('.sort').click();
        if (column(found[0], found[2]).join() != before) say('a table does not go back to its order');
    } else if (document.querySelector('.scroll thead')) say('no table can be sorted');
    all('.slide').forEach(function (s) {
        var bar = s.previousElementSibling, input = bar && bar.className == 'slider' ? bar.querySelector('input') : null;
        if (s.children.length < 2) return;
        if (!input) return say('a row of maps has no slider');
        input.value = 0;
        input.dispatchEvent(new Event('input'));
        if (s.querySelectorAll(':scope > :not([hidden])').length != 1 || s.children[0].hidden) say('the slider shows another layer than one');
    });
    if (all('[data-copy]').length != all('.copy').length) say('a text cannot be copied');
    var mark = all('figure svg title').filter(function (t) { return !t.closest('details') && t.parentNode.tagName != 'svg'; })[0], text, r;
    if (mark) {
        text = mark.textContent;
        mark = mark.parentNode;
        r = mark.getBoundingClientRect();
        mark.dispatchEvent(new PointerEvent('pointermove', { bubbles: true, clientX: r.left + r.width / 2, clientY: r.top + r.height / 2 }));
        var tip = document.querySelector('.tip');
        if (!tip || tip.hidden || !tip.textContent) say('no value at the pointer, "' + text + '" expected');
    }
}
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

# blocked REPORT: the page in a frame without scripts: all figures and tables are shown, nothing is there that needs one.
blocked() {
    {
        echo '<!DOCTYPE html><body><pre id="lines"></pre><iframe id="page" sandbox="allow-same-origin" style="width:800px;height:3000px" srcdoc="'
        sed 's/&/\&amp;/g; s/"/\&quot;/g' "$1/report.html"
        cat <<'HTML'
"></iframe><script>
addEventListener('load', function () {
    var d = document.getElementById('page').contentDocument, say = document.getElementById('lines');
    var hidden = d.querySelectorAll('[hidden], button, input, .tip').length, low = 0;
    d.querySelectorAll('figure, .scroll').forEach(function (e) { if (!e.closest('details:not([open])') && e.getBoundingClientRect().height < 20) low++; });
    say.textContent = d.querySelectorAll('figure').length && !hidden && !low ? 'pictures and tables are there' : hidden + ' hidden, ' + low + ' empty';
});
</script></body>
HTML
    } >"$work/blocked.html"
    "$chromium" --headless=new --no-sandbox --disable-gpu --disable-extensions --disable-background-networking --user-data-dir="$work/profile" \
        --proxy-server=127.0.0.1:9 --virtual-time-budget=20000 --dump-dom "file://$work/blocked.html" 2>/dev/null |
        sed -n '/<pre id="lines">/,/<\/pre>/p' | sed 's/.*<pre id="lines">//; s/<\/pre>.*//' | grep -v '^$' >"$work/lines"
}

check() { # check RUN
    expected=$(grep -c '<figure' "$1/report.html")
    if blocked "$1" && grep -qx "pictures and tables are there" "$work/lines"; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAILED $(basename "$1"), scripts blocked: $(cat "$work/lines")"
    fi
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
    # the other pages: a lesion, a training, a fit
    mkdir "$work/lesion"
    $program lesion --model 'random:cifar_resnet8?seed=1' --run "$work/three" --stimuli 'builtin?per_category=6' --category face --layer relu --top 2,4 \
        --readout both --controls 5 -o "$work/lesion/lesion.csv" --report "$work/lesion/report.html" >"$work/log" 2>&1 &&
        $program train --model 'random:resnet?stem=3x3&blocks=1,1,1&width=8&input=32&classes=11&seed=1' --stimuli 'builtin?per_category=8&side=32' --fresh \
            --epochs 2 --batch 16 --validate 25% --out "$work/training" >"$work/log" 2>&1 &&
        $program sdc fit --study tests/golden/sdc_study.tsv --embedding tests/golden/sdc_embedding.npy --min-nc none --test-images 5 --val-images 3 --batch 8 \
            --repeats 2 --iterations 3 --reruns 1 --permutations 1 --out "$work/fit" >"$work/log" 2>&1 ||
        { tail -n 3 "$work/log"; echo "0 passed, 1 failed, 0 skipped"; exit 1; }
    set -- "$work/three" "$work/one" "$work/lesion" "$work/training" "$work/fit"
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
