"""What the tests must notice: a demo whose JavaScript fails, one that asks abroad, one that does not move."""

_WIDGET = """import anywidget
class Broken(anywidget.AnyWidget):
    _esm = {module!r}
Broken()"""
FAILS = _WIDGET.format(module="export default { render() { throw new Error('a broken demo') } }")
ASKS_ABROAD = _WIDGET.format(
    module="export default { render() { fetch('https://cdn.example/font.css').catch(() => null) } }"
)
STILL = """<div class="lm-rich" data-demo="still">
<label class="lm-slider"><span>k</span><input type="range"><output></output></label>
<div role="radiogroup"><button role="radio" aria-checked="true">a</button>
<button role="radio" aria-checked="false">b</button></div><svg tabindex="0" width="90" height="90"></svg></div>
<script>
const [input, output] = ["input", "output"].map((found) => document.querySelector(found));
input.oninput = () => { output.textContent = input.value };
</script>"""
