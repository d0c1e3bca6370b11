# Lines past column 120, and lines that are all comment past column 100. Columns are characters, not bytes, of UTF-8.
# usage: awk -f tests/columns.awk FILE...
function columns(text) { gsub(/[\200-\277]/, "", text); return length(text) }
FNR == 1 { inside = 0 }
{
    opens = /^[ \t]*\/[*\/]/
    comment = inside || (opens && ($0 !~ /\*\// || /\*\/[ \t]*$/))
    if (inside ? /\*\// : opens && !/^[ \t]*\/\// && /\*\//) inside = 0
    else if (!inside && /\/\*/ && !/\/\*.*\*\//) inside = 1
    limit = comment ? 100 : 120
    if (length($0) > limit && columns($0) > limit) {
        printf "%s:%d: %d columns, at most %d\n", FILENAME, FNR, columns($0), limit
        bad = 1
    }
}
END { exit bad }
