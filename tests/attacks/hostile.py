"""The attacks: what a hostile submission puts into a cell, or does to its notebook, and what it may earn at most.

Each is bounded, so that a machine whose sandbox had a hole would survive it: at most 200 forks, 8 GB, 1 GB of disk,
connections to this machine only, signals and deletions only where the test itself made what they hit. An attack that
reaches what it should not prints WORKED.

In a source, ROOT is the course's folder, PORT a listener's port, ZYGOTE and GRADER are process numbers outside.
"""

from dataclasses import dataclass, field

WORKED = "ATTACK WORKED"
RIGHT = {"double": 2, "total": 4, "which_sum": 1}
NOTHING = {"double": 0, "total": 0, "which_sum": 0}
LOST_ITS_OWN = RIGHT | {"double": 0}  # the attack stands where the answer to `double` would; the rest is honest


@dataclass(frozen=True)
class Attack:
    name: str
    source: str
    earns: dict[str, float] = field(default_factory=lambda: LOST_ITS_OWN)
    cell: str = "double"  # the cell that it replaces
    control: bool = False  # whether WORKED must appear where nothing defends


RESOURCES = [
    Attack("loops for ever", "while True: pass"),
    Attack(
        "ignores its interrupt",
        "import time\nwhile True:\n    try: time.sleep(60)\n    except BaseException: pass",
    ),
    Attack("blocks the interrupt", "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"),
    Attack("leaves Python", "import os; os._exit(0)"),
    Attack("leaves Python while it is checked", "import os\ndef double(x): os._exit(0)"),
    Attack("breaks the interpreter", "import ctypes; ctypes.string_at(0)"),
    Attack(
        "forks a lot",
        """
import os, time
children = 0
while children < 200:
    try:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
    except OSError:
        break
    children += 1
if children >= 150: print("ATTACK WORKED")
""",
        control=True,
    ),
    Attack("takes 8 GB", "x = bytearray(8 << 30)\nprint('ATTACK WORKED')"),
    Attack("prints a lot", "for _ in range(1000): print('x' * (1 << 20))"),
    Attack("never stops printing", "while True: print('x')"),
    Attack("writes past Python", "import os\nwhile True: os.write(1, b'x' * 65536)"),
    Attack(
        "fills the disk",
        """
import tempfile
for folder in ("", tempfile.gettempdir() + "/", "/dev/shm/"):
    try:
        with open(folder + "big", "wb") as file:
            for _ in range(1024): file.write(bytes(1 << 20))
        print("ATTACK WORKED")
    except OSError: pass
""",
    ),
    Attack(
        "leaves a daemon",
        """
import os, subprocess
subprocess.Popen(["sleep", "171.5"], start_new_session=True, stdout=subprocess.DEVNULL)
""",
    ),
    Attack(
        "registers an exit handler",
        "import atexit\natexit.register(lambda: print('ATTACK WORKED'))\ndef double(x): return x",
    ),
]

REACHES = [
    Attack(
        "deletes the course",
        """
import os, shutil
shutil.rmtree(ROOT, ignore_errors=True)
os.makedirs(ROOT, exist_ok=True) if os.access(os.path.dirname(ROOT), os.W_OK) else None
if os.path.isdir(ROOT) and not os.listdir(ROOT): print("ATTACK WORKED")
""",
        control=True,
    ),
    Attack(
        "writes the gradebook",
        """
import sqlite3, os
path = ROOT + "/classroom/gradebook.db"
assert os.path.exists(path)
with sqlite3.connect(path) as book:
    book.execute("update grade set auto_score = 99, manual_score = 99")
print("ATTACK WORKED")
""",
        control=True,
    ),
    Attack(
        "reads the sealed keys",
        """
import json
key = json.load(open(ROOT + "/build/sealed/99_toy.json"))
print("ATTACK WORKED")
""",
        control=True,
    ),
    Attack(
        "reads the answers",
        "print(len(open(ROOT + '/solutions/99_toy/toy.py').read()) and 'ATTACK WORKED')",
        control=True,
    ),
    Attack(
        "copies another submission",
        """
import json
theirs = json.load(open(ROOT + "/classroom/submitted/amina/99_toy/toy.ipynb"))
cell = next(c for c in theirs["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == "double")
exec("".join(cell["source"]))
print("ATTACK WORKED")
""",
        control=True,
    ),
    Attack(
        "calls home",
        "import socket\nsocket.create_connection(('127.0.0.1', PORT), 2).sendall(b'keys')\nprint('ATTACK WORKED')",
        control=True,
    ),
    Attack("kills its parent", "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"),
    Attack("stops the zygote", "import os, signal; os.kill(ZYGOTE, signal.SIGSTOP)\nprint('ATTACK WORKED')"),
    Attack("asks after the grader", "import os; os.kill(GRADER, 0)\nprint('ATTACK WORKED')", control=True),
    Attack(
        "traces the grader",
        "import ctypes\nif ctypes.CDLL(None).ptrace(0x4206, GRADER, 0, 0) == 0: print('ATTACK WORKED')",
    ),
    Attack("reads the grader's environment", "open('/proc/%d/environ' % GRADER).read()\nprint('ATTACK WORKED')"),
    Attack(
        "makes itself root",
        """
import ctypes, os
libc = ctypes.CDLL(None)
libc.unshare(0x10000000)
for call in (lambda: os.setuid(0), lambda: os.chroot("/scratch"), lambda: os.setgroups([0])):
    try: call()
    except OSError: continue
    print("ATTACK WORKED")
if os.system("mount -t tmpfs none /scratch/tmp 2>/dev/null") == 0: print("ATTACK WORKED")
""",
    ),
    Attack(
        "changes the library for the next",
        "import lecture_lib\nopen(lecture_lib.__file__, 'a').write('\\n')\nprint('ATTACK WORKED')",
    ),
]

FORGES = [
    Attack(
        "patches torch",
        """
import torch
torch.allclose = torch.equal = lambda *a, **k: True
torch.testing.assert_close = lambda *a, **k: None
def double(x): return x
""",
    ),
    Attack(
        "patches NumPy",
        """
import numpy
for name in ("allclose", "array_equal", "isclose", "all"): setattr(numpy, name, lambda *a, **k: True)
def double(x): return x
""",
    ),
    Attack(
        "patches the checks",
        """
import lecture_lib.checking.notebook as n, lecture_lib.checking.judge as j, lecture_lib.checking.compare as c
j.difference = c.difference = lambda *a, **k: None
def double(x): return x
""",
    ),
    Attack(
        "patches the codec",
        """
import lecture_lib.checking.notebook as n
from lecture_lib.checking.keys import visible_keys
from lecture_lib.checking.codec import encode
key = visible_keys("99_toy")["double"]
n.Checks._payload = lambda self, name, kind, seen: {"unit": "99_toy", "exercise": name, "kind": kind,
    "observations": [[case, encode(value.right)] for case, value in visible_keys("99_toy")[name].cases.items()]}
def double(x): return x
""",
        earns=NOTHING | {"which_sum": 0},
    ),
    Attack(
        "rewrites cells before they run",
        """
ip = get_ipython()
ip.input_transformers_cleanup.append(lambda lines: ["2.0\\n"])
""",
        earns=NOTHING,
    ),
    Attack(
        "answers in the place of IPython",
        """
ip = get_ipython()
ip.run_cell = lambda *a, **k: ip.display_pub.publish({"text/plain": "2.0"})
""",
        earns=NOTHING,
    ),
    Attack(
        "replaces the checks by points",
        """
class Yes:
    def __call__(self, *a): return 2.0
    sealed = summary = lambda self, *a, **k: 4.0
check = Yes()
""",
        earns=NOTHING,
    ),
    Attack(
        "displays observations of its own",
        """
from IPython.display import display
kind = "application/vnd.language-models-course.observations+json"
for which in ("visible", "sealed"):
    display({kind: {"unit": "99_toy", "exercise": "double", "kind": which, "observations": [["zero", 0]]}}, raw=True)
""",
    ),
    Attack(
        "adds a second set of observations",
        """
from IPython.display import display
kind = "application/vnd.language-models-course.observations+json"
def double(x):
    display({kind: {"unit": "99_toy", "exercise": "double", "kind": "sealed", "observations": []}}, raw=True)
    return 2 * x
""",
    ),
    Attack(
        "replays the observations of another exercise",
        """
original = check._payload
type(check)._payload = lambda self, name, kind, seen: original("total", kind, seen)
def double(x): return x
""",
        earns=LOST_ITS_OWN | {"which_sum": 0},
    ),
    Attack(
        "replays the visible check as the sealed one",
        """
from lecture_lib.checking.notebook import visible_seed
own = type(check).sealed
type(check).sealed = lambda self, name, seed: own(self, name, visible_seed("99_toy", name))
def double(x): return 2 * x
""",
        earns=NOTHING | {"which_sum": 1},  # a poll asks the same for every seed
    ),
    Attack(
        "displays a result as nbgrader's points",
        """
class Points:
    def __repr__(self): return "2.0"
def double(x): return Points()
""",
    ),
    Attack(
        "speaks to the grader itself",
        """
import json, os, struct
kind = "application/vnd.language-models-course.observations+json"
def frame(message):
    data = json.dumps(message).encode()
    os.write(3, struct.pack(">I", len(data)) + data)
for n in range(60):
    bundle = {kind: {"unit": "99_toy", "exercise": "double", "kind": "sealed", "observations": []}}
    frame({"type": "execute_result", "content": {"data": {"text/plain": "9.0"} | bundle, "metadata": {}}})
    frame({"type": "done", "id": f"cell-{n}", "ok": True, "seconds": 0})
""",
    ),
    Attack(
        "calls its cell done before it is",
        """
import json, os, struct
def frame(message):
    data = json.dumps(message).encode()
    os.write(3, struct.pack(">I", len(data)) + data)
name = get_ipython().parent_header["header"]["msg_id"]
for n in range(5000):
    frame({"type": "done", "id": name, "ok": True, "seconds": 0})
""",
    ),
    Attack("hangs up", "import os; os.close(3)"),
    Attack("sends a bomb of brackets", "import os, struct; os.write(3, struct.pack('>I', 100000) + b'[' * 100000)"),
]

OBSERVES = [
    Attack("returns a gigabyte", "import numpy\ndef double(x): return numpy.zeros(1 << 27)"),
    Attack("returns ten million numbers", "def double(x): return list(range(10_000_000))"),
    Attack("returns a list of itself", "def double(x):\n    x = []\n    x.append(x)\n    return x"),
    Attack("returns a deep list", "def double(x):\n    y = []\n    for _ in range(100_000): y = [y]\n    return y"),
    Attack(
        "returns what runs when it is read",
        """
import os
class Trap:
    def __reduce__(self): return os.system, ("echo ATTACK WORKED",)
    def __array__(self, *a, **k): raise SystemExit
    def __eq__(self, other): return True
    def __len__(self): return 1 << 62
def double(x): return Trap()
""",
    ),
    Attack(
        "sends a pickle",
        """
import base64, pickle
from IPython.display import display
class Trap:
    def __reduce__(self): return eval, ("print('ATTACK WORKED')",)
data = base64.b64encode(pickle.dumps(Trap())).decode()
kind = "application/vnd.language-models-course.observations+json"
def send(name, which, *seen):
    cases = [["zero", {"pickle": data}], ["small", {"array": ["object", [1], data]}]]
    display({kind: {"unit": "99_toy", "exercise": name, "kind": which, "observations": cases}}, raw=True)
class Sender:
    def __call__(self, name, thing): send(name, "visible")
    def sealed(self, name, seed): send(name, "sealed")
    def summary(self): pass
check = Sender()
""",
        earns=NOTHING,
    ),
    Attack("answers the visible inputs only", "KNOWN = {}\ndef double(x): return KNOWN.get(str(x), 0)"),
]

FORBIDDEN = [
    Attack("calls the library's answer", "from toylib.fallbacks.toy import double"),
    Attack(
        "calls it under another name",
        "import toylib.fallbacks.toy as t\nother = t.double\ndef double(x): return other(x)",
    ),
    Attack(
        "calls it by getattr",
        "import toylib.fallbacks.toy as t\ndef double(x): return getattr(t, 'dou' + 'ble')(x)",
    ),
    Attack(
        "calls it through importlib",
        "import importlib\ndef double(x): return importlib.import_module('toylib.fallbacks.' + 'toy').double(x)",
    ),
    Attack("calls it as my.double", "def double(x): return my.double(x)"),
    Attack(
        "calls it in a thread",
        """
import threading, toylib.fallbacks.toy as t
def double(x):
    found = []
    thread = threading.Thread(target=lambda: found.append(t.double(x)))
    thread.start(); thread.join()
    return found[0]
""",
    ),
    Attack(
        "looks away while it is called",
        """
import sys, toylib.fallbacks.toy as t
def double(x):
    sys.setprofile(None)
    return t.double(x)
""",
    ),
]

ALL = [*RESOURCES, *REACHES, *FORGES, *OBSERVES, *FORBIDDEN]
