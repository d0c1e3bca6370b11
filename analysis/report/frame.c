/* SPDX-License-Identifier: MIT */
/* The frame of every page: see frame.h. */
#include "analysis/report/frame.h"

#include "analysis/report/axis.h"

#define FONTS "system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\",Arial,\"Liberation Sans\",sans-serif"

static const char text_css[] =
    "*{box-sizing:border-box}html{-webkit-text-size-adjust:100%}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 " FONTS ";overflow-wrap:anywhere}\n"
    "main{max-width:1140px;margin:0 auto;padding:28px 20px 48px}\n"
    "h1{font-size:1.9rem;line-height:1.2;margin:.1em 0 .35em;letter-spacing:-.01em;text-wrap:balance}\n"
    "h2{font-size:1.35rem;margin:2.4em 0 .5em;padding-top:.7em;border-top:1px solid var(--rule)}\n"
    "h3{font-size:1.02rem;margin:0 0 .5em}h4{font-size:.92rem;margin:1em 0 .4em;color:var(--muted);font-weight:600}\n"
    "h2,h3{scroll-margin-top:3em}h3 .no{color:var(--muted);margin-right:.5em;font-weight:600}\n"
    ".kicker,.meta{color:var(--muted);margin:0;font-size:.88rem}\n"
    ".kicker{letter-spacing:.08em;text-transform:uppercase;font-size:.75rem}\n"
    "a{color:var(--accent)}dt{font-weight:600;margin-top:.8em}dd{margin:.1em 0 "
    "0;max-width:85ch}code{font-size:.85em}.result code{white-space:nowrap}\n"
    "nav{position:sticky;top:0;z-index:1;font-size:.9rem;margin:1em 0;padding:.5em 0;background:var(--paper);"
    "border-bottom:1px solid var(--rule)}\n"
    "nav+h2{border-top:0;margin-top:.6em}nav a{margin-right:1.1em;display:inline-block}\n"
    ".result{margin:1.3em 0;padding:16px 20px;background:var(--card);border-left:4px solid var(--accent);"
    "border-radius:0 6px 6px 0;max-width:80ch}\n"
    ".result p{margin:.6em 0;color:var(--muted);font-size:.93rem}.result p:first-child{margin-top:0}\n"
    ".result p:last-child{margin-bottom:0}.result b{color:var(--ink)}\n"
    ".result .lead{font-size:1.05rem;color:var(--ink);margin:0;padding-left:1.1em}.lead li{margin:.35em 0}\n"
    ".note{font-size:.88rem;color:var(--muted);margin:.6em 0;max-width:85ch}\n"
    "pre{font-size:.8rem;line-height:1.45;background:var(--card);padding:10px 14px;border-radius:6px;overflow-x:auto}\n"
    ".quote{background:var(--card);padding:10px 14px;border-radius:6px;max-width:85ch;margin:.3em 0 1em}\n"
    "footer{margin-top:3em;color:var(--muted);font-size:.82rem;border-top:1px solid var(--rule);padding-top:.8em}\n";

static const char figure_css[] =
    "figure{margin:1.6em 0 2.2em}svg{display:block;width:100%;height:auto;font-family:inherit}\n"
    ".grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,300px),1fr));gap:20px 22px}\n"
    ".grid+.grid{margin-top:20px}.maps{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(44%,150px),1fr));"
    "gap:14px 18px}\n"
    ".maps svg{max-width:190px}.scale{max-width:300px;margin-bottom:12px}\n"
    ".small td,.small th{vertical-align:top;border:0;padding:2px 8px 6px 0;text-align:left;font-weight:400}\n"
    ".small svg{width:76px}.small span{font-size:.72rem;color:var(--muted)}\n"
    ".small tbody th{white-space:normal;min-width:6em;max-width:12em;overflow-wrap:anywhere}\n"
    ".sheet{position:absolute}.strip{display:flex;flex-wrap:wrap;gap:2px}td .strip{flex-wrap:nowrap}\n"
    ".th{width:40px;height:40px;flex:none;border-radius:3px}\n"
    ".nm{font-size:.7rem;width:64px;height:40px;line-height:40px;padding:0 3px;border:1px solid var(--rule);"
    "border-radius:3px;overflow:hidden;text-overflow:ellipsis}\n"
    "#top td:nth-last-child(-n+2),#top th:nth-last-child(-n+2){text-align:left}\n"
    ".text{align-self:center;min-width:0}@media (min-width:1000px){.text.wide{grid-column:2/-1}}\n"
    "figcaption{font-size:.88rem;line-height:1.5;color:var(--muted);margin-top:.8em;max-width:85ch}\n"
    "figcaption b{color:var(--ink)}\n"
    ".legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 22px;margin:.2em 0 1em;padding:0;font-size:.9rem}\n"
    ".legend li{display:flex;align-items:center;gap:7px;min-width:0}.legend svg{width:34px;height:14px;flex:none}\n"
    ".files{font-size:.85rem;margin:.5em 0}.files a{margin-right:1em}\n"
    "details{font-size:.85rem;margin:.5em 0}summary{cursor:pointer;color:var(--accent)}\n"
    ".scroll{overflow-x:auto;margin:.7em 0;overflow-wrap:normal}\n"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums;white-space:nowrap;font-size:.82rem}\n"
    "caption{text-align:left;color:var(--muted);padding:0 0 .4em;white-space:normal}\n"
    "th,td{padding:3px 12px 3px 0;text-align:right;border-bottom:1px solid var(--rule)}th{font-weight:600}\n"
    "tbody th{font-weight:400}thead th{border-bottom:1.5px solid var(--muted)}\n"
    "th:first-child,td:first-child,tbody th,thead th:nth-child(2){text-align:left}\n";

/* What the script adds, and paper. */
static const char other_css[] =
    "button{font:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer}\n"
    ".sort{font-weight:600;text-align:inherit}.sort:hover{text-decoration:underline}\n"
    "[aria-sort=ascending] .sort::after{content:\" \\2191\"}[aria-sort=descending] .sort::after{content:\" \\2193\"}\n"
    ".copy{display:block;font-size:.82rem;color:var(--accent);border:1px solid currentColor;border-radius:4px;"
    "padding:2px 10px;margin:.4em 0}\n"
    ".slider{display:flex;flex-wrap:wrap;align-items:center;gap:10px;margin:.6em 0}\n"
    ".slider input{width:min(320px,100%);accent-color:var(--accent)}.slider output{font-weight:600}\n"
    ".tip{position:fixed;z-index:2;max-width:300px;padding:3px 8px;background:var(--ink);color:var(--paper);"
    "font-size:.8rem;line-height:1.35;border-radius:4px;pointer-events:none;overflow-wrap:anywhere}\n"
    ".on{stroke-width:3}[hidden]{display:none!important}\n"
    "@media (max-width:600px){.th{width:34px;height:34px}nav{overflow-x:auto;white-space:nowrap}}\n"
    "@media print{@page{margin:14mm}body{font-size:10pt}main{max-width:none;padding:0}\n"
    "nav,.files,.copy,.slider,.tip,details:not([open]),.wide details{display:none}\n"
    "h2,h3,h4,.legend,.scale{break-after:avoid}svg,img,.result p,tr,dd,pre{break-inside:avoid}\n"
    ".grid{grid-template-columns:repeat(2,1fr);gap:12px 20px}.text.wide{grid-column:auto}\n"
    ".maps{grid-template-columns:repeat(6,1fr);gap:8px 12px}\n"
    ".scroll{overflow:visible}pre{white-space:pre-wrap}\n"
    ".bf,.bo,.bd,.hm path,.hm rect,.hs path,.result{print-color-adjust:exact;-webkit-print-color-adjust:exact}}\n";

static void put_style(struct fus_text_buffer *out, const struct fus_frame *frame)
{
    fus_svg_put(out, "<style>\n:root{color-scheme:light dark;--paper:#ffffff;--ink:#1a1d23;--muted:#565d69;"
                     "--rule:#dfe2e8;--card:#f5f7fa;--accent:#1c6bb5}\n");
    fus_svg_put(out, "$s$s$s", text_css, figure_css, other_css);
    fus_theme_css(out, frame->theme, FUS_THEME_LIGHT, true);
    fus_svg_put(out, "@media screen and (prefers-color-scheme:dark){\n:root{--paper:#16191f;--ink:#f0f1f4;"
                     "--muted:#a9b0bc;--rule:#2f353f;--card:#1f242c;--accent:#7db9f5}\n");
    fus_theme_css(out, frame->theme, FUS_THEME_DARK, true);
    fus_svg_put(out, "}\n$s</style>\n", frame->css ? frame->css : "");
}

void fus_frame_open(struct fus_text_buffer *out, const struct fus_frame *frame)
{
    fus_svg_put(out,
                "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>$s</title>\n",
                frame->title);
    put_style(out, frame);
    fus_svg_put(out, "</head>\n<body>\n<main>\n<header>\n<p class=\"kicker\">$s</p>\n<h1>$s</h1>\n", frame->kicker,
                frame->title);
}

void fus_frame_close(struct fus_text_buffer *out, const char *version)
{
    fus_svg_put(out, "<footer>fusiform $e</footer>\n</main>\n<script>\n$s</script>\n</body>\n</html>\n",
                version ? version : "", fus_frame_script);
}

void fus_frame_axis(struct fus_text_buffer *out, const struct fus_axis *y)
{
    fus_svg_put(out, " data-y=\"$t $t $f $f\"", y->lo, y->hi, y->from, y->to);
}
