#!/usr/bin/env bash
# The page in a browser: no console error, every plot there, nothing wider than a laptop's or a phone's screen.
# shellcheck disable=SC2317 # functions that are called by name
. scripts/tap.sh

# The program that writes a plausible results.jsonl stands beside the other tests of the same build.
maker=$(dirname "$RINGBENCH")/tests/report_page
[ -x "$maker" ] || maker=${BUILD:-build}/tests/report_page
if [ ! -x "$maker" ]; then
    skip "the page in a browser" "tests/report_page is not built"
    finish
fi
results=$work/run
page=$results/report.html
mkdir "$results"
RINGBENCH_DATA=${RINGBENCH_DATA:-$PWD/report/data}
export RINGBENCH_DATA

exits "a results.jsonl is made" 0 "$maker" "$results"
rm -r "$page" "$results/plots"
exits "ringbench report makes the page again, offline" 0 "$RINGBENCH" report "$results/results.jsonl"
like "it says where the page lies" "$out" '/report\.html$'
ok "results.csv has a row a case and a header" test "$(wc -l <"$results/results.csv")" -eq "$(($(grep -c '"kind":"case"' "$results/results.jsonl") + 1))"
unlike "the page loads nothing from anywhere" "$page" '(src|href|srcset)="(https?:|file:|//)'
unlike "it needs no script" "$page" '<script'

balanced() {
    python3 - "$page" <<'PY'
import html.parser, sys
void = {'meta', 'link', 'img', 'source', 'br', 'hr', 'input'}
class Check(html.parser.HTMLParser):
    stack, ids = [], set()
    def handle_starttag(self, tag, attrs):
        if tag not in void: self.stack.append(tag)
        for k, v in attrs:
            if k == 'id':
                assert v not in self.ids, 'id twice: ' + v
                self.ids.add(v)
    def handle_endtag(self, tag):
        assert self.stack and self.stack[-1] == tag, f'</{tag}> at {self.getpos()} closes {self.stack[-3:]}'
        self.stack.pop()
c = Check()
c.feed(open(sys.argv[1], encoding='utf-8').read())
assert not c.stack, c.stack
PY
}
if command -v python3 >/dev/null; then
    ok "every element is closed, no id is there twice" balanced
else
    skip "every element is closed, no id is there twice" "no python3"
fi

figures=$(find "$results/plots" -name '*.gp' | wc -l)
if command -v gnuplot >/dev/null; then
    is "every plot is in the page" "$(grep -o '<figure ' "$page" | wc -l)" "$figures"
    missing=""
    for script in "$results"/plots/*.gp; do
        for end in .svg -narrow.svg .png; do
            [ -s "${script%.gp}$end" ] || missing+=" $(basename "${script%.gp}")$end"
        done
    done
    is "every plot is there as SVG, as narrow SVG and as PNG" "$missing" ""
    is "gnuplot had nothing to say" "$(cat "$results/plots/gnuplot.log")" ""
else
    skip "every plot is in the page" "no gnuplot"
fi

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ]; then
    skip "the page in a browser" "no chromium"
    finish
fi

# What a reader would see, measured by a script that is added to a copy. The copy stands in a frame, because a browser without a
# screen makes no window as narrow as a phone's.
probe='<script>addEventListener("load",async()=>{await Promise.all([...document.images].map(i=>i.decode().catch(()=>0)));
const d=document.documentElement,all=[...document.images];
const shown=all.map(i=>i.naturalWidth>0?i.getBoundingClientRect().width/i.naturalWidth:0);
const wide=[...document.querySelectorAll("body *")].filter(e=>!e.closest(".box")&&e.getBoundingClientRect().right>d.clientWidth+1).length;
const small=[...document.querySelectorAll("p,td,th,li,figcaption")].filter(e=>parseFloat(getComputedStyle(e).fontSize)<12).length;
parent.postMessage(["PROBE",innerWidth,d.scrollWidth-d.clientWidth,all.length,shown.filter(s=>s===0).length,Math.round(100*Math.min(...shown)),
wide,small,"END"].join(" "),"*")})</script>'
sed "s#</body>#$(sed 's/[#&\\]/\\&/g' <<<"$probe" | tr -d '\n')</body>#" "$page" >"$work/probe.html"

frame() { # width: the page that holds the copy
    cat <<HTML
<!DOCTYPE html><title>frame</title><iframe src="probe.html" style="width:$1px;height:900px;border:0"></iframe>
<script>addEventListener("message",e=>{const p=document.createElement("pre");p.textContent=e.data;document.body.append(p)})</script>
HTML
}

look() { # page: the DOM in $out, the console in $err
    timeout 60 "$browser" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$work/profile" \
        --enable-logging=stderr --window-size=1400,1000 --virtual-time-budget=10000 --dump-dom "file://$1" >"$out" 2>"$err"
}

ok "the page opens" look "$page"
unlike "the console has no error" "$err" 'CONSOLE'
for width in 1280 400; do
    frame "$width" >"$work/frame.html"
    ok "$width px: the page opens" look "$work/frame.html"
    read -r _ inner beyond images broken least wide small _ < <(grep -o 'PROBE .* END' "$out" | grep -v '"')
    is "$width px: the window is as wide as asked" "${inner:-none}" "$width"
    is "$width px: the page does not scroll sideways" "${beyond:-none}" 0
    is "$width px: nothing stands out of the window but tables inside their box" "${wide:-none}" 0
    is "$width px: there are as many pictures as plots" "${images:-none}" "$(grep -o '<figure ' "$page" | wc -l)"
    is "$width px: every picture can be seen" "${broken:-none}" 0
    [ "${images:-0}" = 0 ] || ok "$width px: no picture is shrunk below 85 % (${least:-?} %)" test "${least:-0}" -ge 85
    is "$width px: no text is smaller than 12 px" "${small:-none}" 0
done
finish
