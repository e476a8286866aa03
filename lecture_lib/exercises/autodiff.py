"""Unit 02_autodiff: what is asked of a student's modules, loss, batches and training loop.

Module-based reverse-mode differentiation in NumPy; the worked example is the lecture's (docs/sources.md). Sizes are
drawn distinct, so that an axis taken for another shows; the probe uses modules of its
own where a student's would give too much away.
"""

import numpy as np

from lecture_lib.checking import case, close, exercise, holds, poll
from lecture_lib.checking.drawing import distinct_sizes

# --- numerical_gradient


@exercise("numerical_gradient", points=2, forbids=["scipy.optimize.approx_fprime", "numpy.gradient"])
def probe_numerical_gradient(numerical_gradient, rng):
    n, rows, columns = distinct_sizes(rng, 3, 2, 7)
    rounding = close(rtol=1e-5, atol=1e-6)  # a difference of near numbers, divided by a small one
    x, weights = rng.normal(size=(2, n))
    yield case("a weighted sum", lambda x: numerical_gradient(lambda v: v @ weights, x, 1e-4), x, within=rounding)
    yield case("sines", lambda x: numerical_gradient(lambda v: np.sin(v).sum(), x, 1e-4), x, within=rounding)
    yield case("cubes, with a large step", lambda x: numerical_gradient(lambda v: (v**3).sum(), x, 0.5), x)
    matrix = rng.normal(size=(rows, columns))
    left, right = rng.normal(size=rows), rng.normal(size=columns)
    yield case("a matrix", lambda x: numerical_gradient(lambda v: left @ np.tanh(v) @ right, x, 0.1), matrix)
    products = 1.0 + rng.random(size=n)
    yield case("a product of all entries", lambda x: numerical_gradient(lambda v: float(np.prod(v)), x, 0.1), products)


used_twice = poll("used_twice", points=1, choices="ABCD")


# --- modules: forward, backward, params, grads


def _with(module, **params):
    """The module with these parameters, written into its own arrays."""
    for name, value in params.items():
        module.params[name][...] = value
    return module


def _forward(make, x):
    return make().forward(x)


def _pass(module, x, grad_out):
    module.forward(x)
    return module.backward(grad_out)


def _backward(make, x, grad_out):
    return _pass(make(), x, grad_out)


def _grads(make, **batches):
    """The grads of one module after some batches: inputs and what comes back, by turns."""
    module, arrays = make(), list(batches.values())
    for x, grad_out in zip(arrays[::2], arrays[1::2]):
        _pass(module, x, grad_out)
    return module.grads


def _adds_in_place(make, x, grad_out):
    """Whether backward writes into the arrays that were in grads before."""
    module = make()
    before = dict(module.grads)
    _pass(module, x, grad_out)
    return all(np.any(g != 0.0) and g is module.grads[name] for name, g in before.items())


@exercise("Linear", points=4, forbids=["torch.nn.Linear"])
def probe_linear(Linear, rng):
    d_in, d_out, B, later = distinct_sizes(rng, 4, 2, 8)
    child = rng.spawn(1)[0]
    W, b = rng.normal(size=(d_in, d_out)), rng.normal(size=d_out)
    x, g = rng.normal(size=(B, d_in)), rng.normal(size=(B, d_out))
    x2, g2 = rng.normal(size=(later, d_in)), rng.normal(size=(later, d_out))

    def layer():
        return _with(Linear(d_in, d_out, child), W=W, b=b)

    def deck(x, grad_out):
        example = _with(Linear(2, 1, child), W=[[2.0], [-1.0]], b=[1.0])
        y = example.forward(x)
        example.backward(grad_out)
        return [y, example.grads["W"], example.grads["b"]]

    yield case("the worked example", deck, x=np.array([[4.0, -3.0]]), grad_out=np.array([[4.0]]))
    yield case("forward: one example", _forward, layer, x=rng.normal(size=(1, d_in)))
    yield case("forward: a batch", _forward, layer, x=x)
    yield case("backward: the gradient of x", _backward, layer, x=x, grad_out=g)
    yield case("backward: grads of one example", _grads, layer, x=x[:1], grad_out=g[:1])
    yield case("backward: grads of a batch", _grads, layer, x=x, grad_out=g)
    two = {"x": x, "grad_out": g, "next_x": x2, "next_grad_out": g2}
    yield case("grads after a second batch", _grads, layer, **two)
    yield holds("backward adds to the arrays in grads, in place", _adds_in_place, layer, x, g)
    yield holds("forward and backward leave the arrays in params", _keeps_params, layer, x, g)


def _keeps_params(build, x, grad_out):
    """Whether the parameters are the same arrays with the same numbers after a pass: the optimiser holds on to them."""
    layer = build()
    held = dict(layer.params)
    before = {name: p.copy() for name, p in held.items()}
    layer.forward(x)
    layer.backward(grad_out)
    return all(layer.params[name] is p and np.array_equal(p, before[name]) for name, p in held.items())


@exercise("sgd_step", points=2, forbids=["torch.optim.SGD"])
def probe_sgd_step(sgd_step, rng):
    rows, columns = distinct_sizes(rng, 2, 2, 6)
    lr = float(rng.uniform(0.05, 0.5))
    W, b = rng.normal(size=(rows, columns)), rng.normal(size=columns)
    dW, db = 1.0 + rng.random(size=(rows, columns)), rng.normal(size=columns)

    def after(params, grads, lr, times=1):
        """The arrays that were handed over, after the step: a module holds on to these."""
        params = {name: np.array(p) for name, p in params.items()}
        grads = {name: np.array(g) for name, g in grads.items()}
        held = dict(params)
        for _ in range(times):
            sgd_step(params, grads, lr)
        return held, grads

    deck = {"w_1": np.array([2.0]), "w_2": np.array([-1.0]), "b": np.array([1.0])}
    blame = {"w_1": np.array([16.0]), "w_2": np.array([-12.0]), "b": np.array([4.0])}
    yield case("the worked example", lambda: after(deck, blame, 0.01)[0])
    yield case("one parameter", lambda W, dW: after({"W": W}, {"W": dW}, lr)[0], W, dW)
    yield case("two parameters", lambda p, g: after(p, g, lr)[0], {"W": W, "b": b}, {"W": dW, "b": db})
    yield case("grads in another order", lambda p, g: after(p, g, lr)[0], {"W": W, "b": b}, {"b": db, "W": dW})
    yield case("a learning rate of 1", lambda W, dW: after({"W": W}, {"W": dW}, 1.0)[0], W, dW)
    yield case("two steps", lambda p, g: after(p, g, lr, times=2)[0], {"W": W, "b": b}, {"W": dW, "b": db})
    yield case("params and grads afterwards", lambda p, g: list(after(p, g, lr)), {"W": W, "b": b}, {"W": dW, "b": db})


bigger_step = poll("bigger_step", points=1, choices="ABCD")


def _activation_cases(Module, rng, spread, *, saturates=False):
    """What every elementwise module is asked; `spread` is that of its inputs."""
    B, d, later = distinct_sizes(rng, 3, 2, 7)
    x, g = spread * rng.normal(size=(B, d)), rng.normal(size=(B, d))
    newer, g2 = spread * rng.normal(size=(later, d)), rng.normal(size=(later, d))

    def twice(x, newer, grad_out):
        module = Module()
        module.forward(x)
        return _pass(module, newer, grad_out)

    yield case("forward: one number", _forward, Module, x=spread * rng.normal(size=(1, 1)))
    yield case("forward: a batch", _forward, Module, x=x)
    yield case("backward: gradients of 1", _backward, Module, x=x, grad_out=np.ones_like(g))
    yield case("backward: any gradients", _backward, Module, x=x, grad_out=g)
    yield case("backward goes with the latest forward", twice, x=x, newer=newer, grad_out=g2)
    if saturates:
        huge = 900.0 * np.sign(rng.normal(size=(3, 2))) * rng.uniform(1.0, 2.0, size=(3, 2))
        huge[0] = 1000.0, -1000.0
        yield case("forward: huge inputs", _forward, Module, x=huge)
        yield case("backward: huge inputs", _backward, Module, x=huge, grad_out=rng.normal(size=(3, 2)))


@exercise("ReLU", points=2, forbids=["torch.nn.ReLU", "torch.relu", "torch.nn.functional.relu"])
def probe_relu(ReLU, rng):
    yield from _activation_cases(ReLU, rng, 2.0)
    B, d = distinct_sizes(rng, 2, 3, 7)
    x, g = rng.normal(size=(B, d)), rng.normal(size=(B, d))
    x[:, 0] = 0.0
    yield case("backward: inputs of exactly 0", _backward, ReLU, x=x, grad_out=g)


@exercise("Tanh", points=2, forbids=["torch.nn.Tanh", "torch.tanh"])
def probe_tanh(Tanh, rng):
    yield from _activation_cases(Tanh, rng, 1.0, saturates=True)


@exercise("Sigmoid", points=2, forbids=["torch.nn.Sigmoid", "torch.sigmoid", "scipy.special.expit"])
def probe_sigmoid(Sigmoid, rng):
    yield from _activation_cases(Sigmoid, rng, 2.0, saturates=True)


@exercise(
    "SoftmaxCrossEntropy",
    points=4,
    forbids=["torch.nn.CrossEntropyLoss", "torch.nn.functional.cross_entropy", "scipy.special.log_softmax"],
)
def probe_softmax_cross_entropy(SoftmaxCrossEntropy, rng):
    B, C = distinct_sizes(rng, 2, 3, 8)
    logits, targets = 1.5 * rng.normal(size=(B, C)), rng.integers(0, C, size=B)

    def loss(logits, targets):
        return SoftmaxCrossEntropy().forward(logits, targets)

    def gradient(logits, targets, *grad_out, times=1):
        module = SoftmaxCrossEntropy()
        module.forward(logits, targets)
        for _ in range(times):
            gradients = module.backward(*grad_out)
        return gradients

    hopeless, uneven = rng.normal(size=(2, C)), logits + np.linspace(-800.0, 800.0, B)[:, None]
    hopeless[:, 0] += 900.0
    for name, z, t in (
        ("one example", logits[:1], targets[:1]),
        ("a batch", logits, targets),
        ("huge logits", logits + 900.0, targets),
        ("the right class is far behind", hopeless, np.array([1, 2])),
        ("one example's logits far above another's", uneven, targets),
    ):
        yield case(f"loss: {name}", loss, z, t)
        yield case(f"gradient: {name}", gradient, z, t)
    yield case("gradient: the loss counts several times", gradient, logits, targets, float(rng.uniform(2.0, 5.0)))
    yield case("gradient: asked for twice", gradient, logits, targets, times=2)


doubled_batch = poll("doubled_batch", points=1, choices="ABCD")


@exercise("Embedding", points=2, forbids=["torch.nn.Embedding", "torch.nn.functional.embedding"])
def probe_embedding(Embedding, rng):
    d_model, B = distinct_sizes(rng, 2, 2, 6)
    vocab_size = B + int(rng.integers(2, 6))
    child = rng.spawn(1)[0]
    E = rng.normal(size=(vocab_size, d_model))
    distinct = rng.permutation(vocab_size)[:B]
    repeated = np.concatenate([distinct, distinct[:2], distinct[:1]])
    g, more = rng.normal(size=(B, d_model)), rng.normal(size=(len(repeated), d_model))

    def table():
        return _with(Embedding(vocab_size, d_model, child), E=E)

    yield case("forward: one token", _forward, table, x=distinct[:1])
    yield case("forward: a batch", _forward, table, x=repeated)
    yield case("grads of one token", _grads, table, x=distinct[:1], grad_out=g[:1])
    yield case("grads, every token once", _grads, table, x=distinct, grad_out=g)
    yield case("grads, tokens repeated in the batch", _grads, table, x=repeated, grad_out=more)
    two = {"x": repeated, "grad_out": more, "next_x": distinct, "next_grad_out": g}
    yield case("grads after a second batch", _grads, table, **two)
    yield holds("backward adds to the array in grads, in place", _adds_in_place, table, repeated, more)
    yield case("backward returns nothing: ids have no gradient", _backward, table, x=repeated, grad_out=more)


# --- Sequential, on modules of the probe's own


class _Gain:
    """y = gain * x, a gain for each column."""

    def __init__(self, gain):
        self.params = {"gain": np.array(gain, dtype=float)}
        self.grads = {"gain": np.zeros_like(self.params["gain"])}

    def forward(self, x):
        self.x = x
        return self.params["gain"] * x

    def backward(self, grad_out):
        self.grads["gain"] += np.einsum("bd,bd->d", self.x, grad_out)
        return self.params["gain"] * grad_out


class _Mix:
    """y = x M, with a fixed matrix; M may make the rows shorter."""

    params, grads = {}, {}

    def __init__(self, M):
        self.M = M

    def forward(self, x):
        return x @ self.M

    def backward(self, grad_out):
        return grad_out @ self.M.T


@exercise("Sequential", points=4, forbids=["torch.nn.Sequential"])
def probe_sequential(Sequential, rng):
    B, d = distinct_sizes(rng, 2, 3, 7)
    x, g, first, last = (rng.normal(size=shape) for shape in ((B, d), (B, d), d, d))
    narrow, g_narrow = rng.normal(size=d - 1), rng.normal(size=(B, d - 1))
    M = rng.normal(size=(d, d))

    def same_width():
        return Sequential([_Gain(first), _Mix(M), _Gain(last)])

    def narrowing():
        return Sequential([_Gain(first), _Mix(M[:, 1:]), _Gain(narrow)])

    def nested(x, grad_out):
        inner = Sequential([_Mix(M), _Gain(last)])
        model = Sequential([_Gain(first), inner])
        return [_pass(model, x, grad_out), model.grads]

    def again(x, grad_out):
        model = narrowing()
        _pass(model, x, grad_out)
        return model.forward(x)

    def writes_through(x):
        model = same_width()
        model.forward(x)
        model.params["2.gain"][...] = 0.0
        return model.forward(x)

    yield case("forward: one module", _forward, lambda: Sequential([_Gain(first)]), x=x)
    yield case("forward: three modules", _forward, same_width, x=x)
    yield case("backward: one module", _backward, lambda: Sequential([_Mix(M)]), x=x, grad_out=g)
    yield case("backward: three modules", _backward, same_width, x=x, grad_out=g)
    yield case("backward: another width", _backward, narrowing, x=x, grad_out=g_narrow)
    yield case("grads of all modules", _grads, narrowing, x=x, grad_out=g_narrow)
    yield case("forward after a backward", again, x=x, grad_out=g_narrow)
    yield case("params of all modules", lambda: narrowing().params)
    yield case("a parameter written from outside", writes_through, x=x)
    yield case("a Sequential within a Sequential", nested, x=x, grad_out=g)


# --- learning


@exercise("minibatches", points=2, forbids=["torch.utils.data.DataLoader"])
def probe_minibatches(minibatches, rng):
    batch_size = int(rng.integers(3, 7))
    n = 5 * batch_size + int(rng.integers(1, batch_size))
    X, y = rng.normal(size=(n, 2)), rng.permutation(n)
    seed = int(rng.integers(2**31))

    def one_pass(X, y, size, random=None):
        batches = list(minibatches((X, y), size, random or np.random.default_rng(seed)))
        if not all(isinstance(batch, tuple | list) and len(batch) == 2 for batch in batches):
            raise TypeError("not every batch that comes is a pair (inputs, targets): what is yielded, and when?")
        return [(np.array(a), np.array(b)) for a, b in batches]

    def order(X, y, size=batch_size, random=None):
        return np.concatenate([b for _, b in one_pass(X, y, size, random)]).tolist()

    def sizes(X, y, size):
        return [[len(a), len(b)] for a, b in one_pass(X, y, size)]

    def paired(X, y):
        row_of = {int(target): row for row, target in zip(X, y)}
        return all(np.array_equal(row_of[int(t)], r) for a, b in one_pass(X, y, batch_size) for r, t in zip(a, b))

    def distinct(X, y):
        random = np.random.default_rng(seed)
        batches = [b.tolist() for _ in range(40) for _, b in one_pass(X, y, batch_size, random)]
        return all(len(set(b)) == len(b) for b in batches)

    def another_order(X, y):
        random = np.random.default_rng(seed)
        return order(X, y, random=random) != order(X, y, random=random)

    def mixes(X, y):
        """Whether, in 60 passes, each place is taken by early and late examples, and few neighbours stay together."""
        random, place = np.random.default_rng(seed), np.argsort(y)
        passes = np.array([place[order(X, y, random=random)] for _ in range(60)])  # (60, n), places in the data
        late = (passes >= n // 2).mean(axis=0)
        return bool((late > 0).all() and (late < 1).all() and (np.diff(passes) == 1).mean() < 0.3)

    yield case("sizes: all in one batch", sizes, X, y, n)
    yield case("sizes: no remainder", sizes, X[: 5 * batch_size], y[: 5 * batch_size], batch_size)
    yield case("sizes: a remainder", sizes, X, y, batch_size)
    yield case("sizes: fewer examples than a batch", sizes, X, y, n + 3)
    yield holds("every example comes exactly once", lambda X, y: sorted(order(X, y)) == list(range(n)), X, y)
    yield holds("no example comes twice within a batch", distinct, X, y)
    yield holds("each input keeps its own target", paired, X, y)
    yield holds("the order is not that of the data", lambda X, y: order(X, y) != y.tolist(), X, y)
    yield holds("a second pass has another order", another_order, X, y)
    yield holds(
        "the order comes from rng: the same seed, the same order", lambda X, y: order(X, y) == order(X, y), X, y
    )
    yield holds("over many passes, the order is thoroughly mixed", mixes, X, y)


class _HalfSquares:
    """Half the squared distance to the targets, averaged over the batch."""

    def forward(self, outputs, targets):
        self.rest = outputs - targets
        return float(0.5 * np.mean(np.sum(self.rest**2, axis=1)))

    def backward(self, grad_out=1.0):
        return grad_out * self.rest / len(self.rest)


class _Watched:
    """A gain in a chain of one, whose arrays it gathers as `Sequential` does. Keeps the first column of every batch."""

    def __init__(self, gain):
        self.inner, self.seen = _Gain(gain), []
        self.params, self.grads = dict(self.inner.params), dict(self.inner.grads)

    def forward(self, x):
        self.seen.append(x[:, 0].tolist())
        return self.inner.forward(x)

    def backward(self, grad_out):
        return self.inner.backward(grad_out)


@exercise("train", points=4)
def probe_train(train, rng):
    d = int(rng.integers(2, 5))
    batch_size = int(rng.integers(3, 6))
    n = 3 * batch_size + int(rng.integers(1, batch_size))
    X, right, start = rng.normal(size=(n, d)), rng.normal(size=d), rng.normal(size=d)
    y, seed, lr = X * right, int(rng.integers(2**31)), float(rng.uniform(0.1, 0.25))

    def run(X, y, size, steps):
        model = _Watched(start)
        losses = train(model, _HalfSquares(), (X, y), lr, size, steps, np.random.default_rng(seed))
        return model, model.seen, [float(loss) for loss in losses]

    def keeps_arrays(X, y):
        """Whether the arrays that the model gathered are still those of the module within it: params, grads."""
        model = run(X, y, batch_size, 3)[0]
        return [model.params["gain"] is model.inner.params["gain"], model.grads["gain"] is model.inner.grads["gain"]]

    def two_passes(X, y):
        """Whether the first four batches hold every example once, and the next four again."""
        seen = run(X, y, batch_size, 8)[1]
        return all(sorted(x for batch in part for x in batch) == sorted(X[:, 0]) for part in (seen[:4], seen[4:]))

    def varied(X, y):
        seen = run(X, y, batch_size, 8)[1]
        return len({tuple(sorted(batch)) for batch in seen}) > 4

    all_of_it = len(X)
    yield case("loss of a single step", lambda X, y: run(X, y, all_of_it, 1)[2], X, y)
    yield case("parameters after a single step", lambda X, y: run(X, y, all_of_it, 1)[0].inner.params, X, y)
    yield case("losses of five steps", lambda X, y: run(X, y, all_of_it, 5)[2], X, y)
    yield case("parameters after five steps", lambda X, y: run(X, y, all_of_it, 5)[0].inner.params, X, y)
    yield case("sizes of the batches", lambda X, y: [len(b) for b in run(X, y, batch_size, 6)[1]], X, y)
    yield holds("two passes show every example twice", two_passes, X, y)
    yield case("how many losses", lambda X, y: len(run(X, y, batch_size, 6)[2]), X, y)
    yield holds("the batches change from step to step", varied, X, y)
    yield case("params and grads hold the same arrays as before", keeps_arrays, X, y)
    yield holds("many steps find the right gains", _learns, run, X, y, batch_size, right)


def _learns(run, X, y, batch_size, right):
    model, _, losses = run(X, y, batch_size, 400)
    return bool(np.allclose(model.inner.params["gain"], right, atol=0.05) and losses[-1] < losses[0])
