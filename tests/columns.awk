# Lines past column 120, and lines that are all comment past column 100. Columns are characters of UTF-8, not bytes.
# usage: awk -f tests/columns.awk FILE...
function columns(text) { gsub(/[\200-\277]/, "", text); return length(text) }
FNR == 1 { inside = 0 }
{
    code = $0
    if (!inside) gsub(/"([^"\\]|\\.)*"/, "\"\"", code)
    comment = inside || (code ~ /^[ \t]*\/\*/ && code !~ /\*\/[ \t]*[^ \t]/)
    if (inside) {
        if (code ~ /\*\//) inside = 0
    } else {
        gsub(/\/\*([^*]|\*[^\/])*\*\//, "", code)
        if (code ~ /\/\*/) inside = 1
    }
    limit = comment ? 100 : 120
    if (length($0) > limit && columns($0) > limit) {
        printf "%s:%d: %d columns, at most %d\n", FILENAME, FNR, columns($0), limit
        bad = 1
    }
}
END { exit bad }
