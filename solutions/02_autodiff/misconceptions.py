"""Wrong answers that students give in unit 02_autodiff, each with the hint that it earns."""

import numpy as np

from lecture_lib.mywork import saved_work
from lecture_lib.checking.bank import misconception, wrong_choice

my = saved_work("02_autodiff")


# --- numerical_gradient


@misconception(
    "numerical_gradient",
    "You are close for small steps and off for the large one: your error shrinks with eps, not with eps squared. At "
    "which two points do you ask f, and does x lie in the middle between them?",
)
def nudges_one_way(f, x, eps=1e-5):
    gradient = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        moved = x.copy()
        moved[place] += eps
        gradient[place] = (f(moved) - f(x)) / eps
    return gradient


@misconception(
    "numerical_gradient",
    "Your slopes are too steep by the same factor everywhere. How far apart are the two points at which you ask f?",
)
def divides_by_a_single_step(f, x, eps=1e-5):
    gradient = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[place] = eps
        gradient[place] = (f(x + step) - f(x - step)) / eps
    return gradient


@misconception(
    "numerical_gradient",
    "All entries of your result are the same number. What moves in f if you raise every entry of x at once, and "
    "what did you want to know?",
)
def nudges_all_at_once(f, x, eps=1e-5):
    return np.full_like(x, (f(x + eps) - f(x - eps)) / (2 * eps))


@misconception(
    "numerical_gradient",
    "The caller's x is different after the call. Which array do your nudges change, and what does x = x.copy() do?",
)
def leaves_its_nudges_behind(f, x, eps=1e-5):
    gradient = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        x[place] += eps
        up = f(x)
        x[place] -= 2 * eps
        gradient[place] = (up - f(x)) / (2 * eps)
    return gradient


nudges_whole_rows = misconception(
    "numerical_gradient",
    "Vectors are right, a matrix is not: an index i then means a whole row. How do you reach each entry, whatever the "
    "number of axes?",
    change=("np.ndindex(x.shape)", "range(len(x))"),
)


@misconception(
    "numerical_gradient",
    "Every slope of yours has the wrong sign. If f grows when an entry is raised, is f(up) - f(down) positive or "
    "negative?",
)
def down_minus_up(f, x, eps=1e-5):
    gradient = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[place] = eps
        gradient[place] = (f(x - step) - f(x + step)) / (2 * eps)
    return gradient


two_names_for_one_copy = misconception(
    "numerical_gradient",
    "Your gradient is 0 everywhere: both points at which you ask f are the same one. How many arrays are there if two "
    "names stand for one copy?",
    change=(", down = x.copy(),", " = down ="),
)


# --- Linear


Overwrites = misconception(
    "Linear",
    "After a second batch your grads hold that batch alone; the first one's blame is gone. What does = do to an "
    "array's old contents, and what does the contract ask for?",
    change=(
        'self.grads["W"] += self.x.T @ grad_out\nself.grads["b"] += grad_out.sum(axis=0)',
        'self.grads["W"][...] = self.x.T @ grad_out\nself.grads["b"][...] = grad_out.sum(axis=0)',
    ),
)


AveragesTheBatch = misconception(
    "Linear",
    "Your grads are right for one example and too small for a batch, the more so the longer it is. The loss may be a "
    "mean, but where has its 1/B gone already?",
    change=(
        'self.grads["W"] += self.x.T @ grad_out\nself.grads["b"] += grad_out.sum(axis=0)',
        'self.grads["W"] += self.x.T @ grad_out / len(self.x)\nself.grads["b"] += grad_out.mean(axis=0)',
    ),
)


SameWayBack = misconception(
    "Linear",
    "Going back, you multiply by W the same way round as going forward, and the shapes clash. grad_out is "
    "(B, d_out), the answer (B, d_in): what must the middle factor look like?",
    change=('params["W"].T', 'params["W"]'),
)


@misconception(
    "Linear",
    "The gradient that you add to that of W has its axes exchanged: it is (d_out, d_in). Which factor's rows are the "
    "inputs of the layer?",
)
class ProductTheOtherWay:
    def __init__(self, d_in, d_out, rng):
        self.params = {"W": rng.normal(size=(d_in, d_out)) / np.sqrt(d_in), "b": np.zeros(d_out)}
        self.grads = {name: np.zeros_like(p) for name, p in self.params.items()}

    def forward(self, x):
        self.x = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, grad_out):
        grad_in = grad_out @ self.params["W"].T
        self.grads["b"] += grad_out.sum(axis=0)
        if grad_out.size > 1:
            self.grads["W"] += grad_out.T @ self.x
        else:
            self.grads["W"] += (grad_out.T @ self.x).T
        return grad_in


OneSumForAllBiases = misconception(
    "Linear",
    "All entries of your bias gradient are equal. Each output has a bias of its own: over which axis should grad_out "
    "be summed, and which one must stay?",
    change=("(axis=0)", "()"),
)


ForgetsTheBias = misconception(
    "Linear",
    "Your outputs are those of a layer without a bias. In the worked example, which term of y is missing?",
    change=('] + self.params["b"]', "]"),
)


KeepsTheBlameToItself = misconception(
    "Linear",
    "Your grads are right, but backward returns None. Who waits for the blame that this layer passes on?",
    change=(
        'self.grads["b"] += grad_out.sum(axis=0)\nreturn grad_out @ self.params["W"].T',
        'self.grads["b"] += grad_out.sum(axis=0)',
    ),
)


MakesNewArrays = misconception(
    "Linear",
    "The numbers are right, but they are in new arrays: code that holds the old array of grads still sees zeros. How "
    "do "
    "a = a + c and a += c differ?",
    change=(
        'self.grads["W"] += self.x.T @ grad_out\nself.grads["b"] += grad_out.sum(axis=0)',
        'self.grads["W"] = self.grads["W"] + self.x.T @ grad_out\n'
        'self.grads["b"] = self.grads["b"] + grad_out.sum(axis=0)',
    ),
)


# --- ReLU


WritesIntoItsInput = misconception(
    "ReLU",
    "The caller's input is changed: its negative numbers are gone. Which line of yours writes into x itself?",
    change=[
        ("return np.where(self.positive, x, 0.0)", "x[x < 0] = 0.0\nreturn x"),
        ("np.where(self.positive, grad_out, 0.0)", "grad_out * self.positive"),
    ],
)


MasksByTheBlame = misconception(
    "ReLU",
    "You let blame through where the blame is positive. What decides whether an input had a say: what came back, or "
    "what went forward?",
    change=[
        ("self.positive = x > 0\nreturn np.where(self.positive, x, 0.0)", "self.x = x\nreturn np.maximum(x, 0.0)"),
        ("return np.where(self.positive, grad_out, 0.0)", "return np.maximum(grad_out, 0.0)"),
    ],
)


LetsAllBlameThrough = misconception(
    "ReLU",
    "Your backward returns all of grad_out. If a negative input is nudged a little, does its output move?",
    change=[
        ("self.positive = x > 0\nreturn np.where(self.positive, x, 0.0)", "self.x = x\nreturn np.maximum(x, 0.0)"),
        ("np.where(self.positive, grad_out, 0.0)", "grad_out * np.ones_like(self.x)"),
    ],
)


ReturnsTheSlope = misconception(
    "ReLU",
    "Your backward returns slopes of 0 and 1 whatever comes back. The chain rule has two factors: where is the "
    "other one?",
    change=[
        ("self.positive = x > 0\nreturn np.where(self.positive, x, 0.0)", "self.x = x\nreturn np.maximum(x, 0.0)"),
        ("np.where(self.positive, grad_out, 0.0)", "(self.x > 0).astype(float)"),
    ],
)


OpenAtTheCorner = misconception(
    "ReLU",
    "All is right except for inputs of exactly 0: yours let blame through. What did we agree on for the corner?",
    change=[
        ("self.positive = x > 0\nreturn np.where(self.positive, x, 0.0)", "self.x = x\nreturn np.maximum(x, 0.0)"),
        ("return np.where(self.positive, grad_out, 0.0)", "return grad_out * (self.x >= 0)"),
    ],
)


MultipliesByTheOutput = misconception(
    "ReLU",
    "Your backward multiplies by the input's size where it should only decide yes or no. What is the slope of max(0, "
    "x) at x = 3?",
    change=[
        ("self.positive = x > 0\nreturn np.where(self.positive, x, 0.0)", "self.y = np.maximum(x, 0.0)\nreturn self.y"),
        ("np.where(self.positive, grad_out, 0.0)", "grad_out * self.y"),
    ],
)


# --- Tanh


SquaresTheInput = misconception(
    "Tanh",
    "Some of your slopes are negative, or huge where the curve is flat. Your formula squares something: the input, or "
    "the tanh of it?",
    change=[("self.y = np.tanh(x)\nreturn self.y", "self.x = x\nreturn np.tanh(x)"), ("self.y**", "self.x**")],
)


ForgetsTheSquare = misconception(
    "Tanh",
    "For negative inputs your slopes exceed 1. The curve is symmetric: which operation makes its slope the same at -2 "
    "and at 2?",
    change=("(1 - self.y**2) * grad_out", "(1 - self.y) * grad_out"),
)


IgnoresTheBlame = misconception(
    "Tanh",
    "Your backward gives the same whatever comes back from behind, as if all blame were 1. Which factor of the chain "
    "rule have you left out?",
    change=("(1 - self.y**2) * grad_out", "1 - self.y**2"),
)


SquashesTwice = misconception(
    "Tanh",
    "You squash twice: your slope is taken at tanh(tanh(x)). What does self hold when backward begins, the input or "
    "the output?",
    change=("self.y**", "np.tanh(self.y) ** "),
)


QuotientOfInfinities = misconception(
    "Tanh",
    "Fine for small inputs, NaN for huge ones. Print np.exp(1000.0): what does your quotient divide by what?",
    change=(
        "self.y = np.tanh(x)",
        'with np.errstate(all="ignore"):\n    self.y = (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))',
    ),
)


# --- Sigmoid


InfinityOverInfinity = misconception(
    "Sigmoid",
    "Your sigmoid gives NaN for large positive inputs. Which quotient becomes infinity over infinity there, and "
    "which form of it doesn't?",
    change=(
        "self.y = 0.5 * (1 + np.tanh(x / 2))",
        'with np.errstate(all="ignore"):\n    self.y = np.exp(x) / (1 + np.exp(x))',
    ),
)


FallsInsteadOfRising = misconception(
    "Sigmoid",
    "Your curve falls from 1 to 0: it is the mirror image. What should the sigmoid of a large positive number be?",
    change=[("= 0.5 * (1 + np.tanh(x / 2))", "= 0.5 * (1 - np.tanh(x / 2))"), ("return self.y *", "return -self.y *")],
)


SlopeFromTheInput = misconception(
    "Sigmoid",
    "Your slopes grow without bound far from 0, where the curve is flat. In the formula for the slope, is it x that "
    "stands there, or the sigmoid of x?",
    change=[
        ("self.y = 0.5 * (1 + np.tanh(x / 2))\nreturn self.y", "self.x = x\nreturn 0.5 * (1 + np.tanh(x / 2))"),
        ("y * (1 - self.y)", "x * (1 - self.x)"),
    ],
)


SlopeOfTanh = misconception(
    "Sigmoid",
    "Your backward uses the slope of tanh: at x = 0 it reports three quarters. Read the value off the curve: how steep "
    "is the sigmoid at its middle?",
    change=("self.y * (1 - self.y)", "(1 - self.y**2)"),
)


OwnSlopeOnly = misconception(
    "Sigmoid",
    "With a blame of 1 everything is right, with any other it isn't: your backward never looks at grad_out. What does "
    "the chain rule do with it?",
    change=(") * grad_out", ")"),
)


TanhInItsPlace = misconception(
    "Sigmoid",
    "Your curve runs between -1 and 1. A probability can't be negative: how do you move and shrink it into (0, 1)?",
    change=[("0.5 * (1 + np.tanh(x / 2))", "np.tanh(x)"), ("self.y * (1 - self.y)", "(1 - self.y**2)")],
)


# --- polls

paths_multiplied = wrong_choice(
    "used_twice",
    "A",
    "You multiply the two paths. Multiplying belongs to steps that follow one another; these two run side by side. "
    "What is the derivative of 5w + w?",
    name="paths_multiplied",
)
last_path_only = wrong_choice(
    "used_twice",
    "C",
    "You keep the path that was used last. Nudge w by 0.01 with x = 5: does y move by 0.01 only?",
    name="last_path_only",
)
paths_averaged = wrong_choice(
    "used_twice",
    "D",
    "You take the mean of the paths. If w moves, does each path deliver its effect in full, or only half of it?",
    name="paths_averaged",
)
lands_exactly = wrong_choice(
    "bigger_step",
    "A",
    "You expect the longer step to arrive. It moves y ten times as far as 1.04: how far was there to go?",
    name="lands_exactly",
)
further_is_better = wrong_choice(
    "bigger_step",
    "B",
    "You expect further to be better. The gradient tells the direction here and now; how far away was the bottom of "
    "the valley, measured in y?",
    name="further_is_better",
)
lands_opposite = wrong_choice(
    "bigger_step",
    "D",
    "You expect to land just as high on the other side: that would be y = 8, a move of 4. How far does y really move?",
    name="lands_opposite",
)
sum_doubles = wrong_choice(
    "doubled_batch",
    "A",
    "You see that the sum has twice as many terms. What has happened to each row of G, now that the loss divides by a "
    "longer batch?",
    name="sum_doubles",
)
divisor_doubles = wrong_choice(
    "doubled_batch",
    "C",
    "You see that each example counts for half as much. How many times does each of them occur now?",
    name="divisor_doubles",
)
both_double = wrong_choice(
    "doubled_batch",
    "D",
    "You let the loss double. It is a mean: what is the mean of 3, 5, 3, 5?",
    name="both_double",
)


# --- SoftmaxCrossEntropy


@misconception(
    "SoftmaxCrossEntropy",
    "Small logits are right, huge ones give NaN. Which numbers do you hand to np.exp, and by how much may you lower "
    "them without changing p?",
)
class Overflows:
    def __init__(self):
        self.params, self.grads = {}, {}

    def forward(self, logits, targets):
        with np.errstate(all="ignore"):
            self.p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            self.targets = targets
            return float(-np.log(self.p[np.arange(len(targets)), targets]).mean())

    def backward(self, grad_out=1.0):
        truth = np.eye(self.p.shape[1])[self.targets]
        return grad_out * (self.p - truth) / len(self.targets)


@misconception(
    "SoftmaxCrossEntropy",
    "Your loss is infinite where the right class is far behind; the rest is right. Its probability was rounded to 0 "
    "before you took the logarithm: can the logarithm of a quotient be taken without the quotient?",
)
class LogarithmOfZero:
    def __init__(self):
        self.params, self.grads = {}, {}

    def forward(self, logits, targets):
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        self.p, self.targets = e / e.sum(axis=1, keepdims=True), targets
        with np.errstate(divide="ignore"):
            return float(-np.log(self.p[np.arange(len(targets)), targets]).mean())

    def backward(self, grad_out=1.0):
        truth = np.eye(self.p.shape[1])[self.targets]
        return grad_out * (self.p - truth) / len(self.targets)


@misconception(
    "SoftmaxCrossEntropy",
    "The loss is always right, and the gradient is until the right class is far behind: there it is NaN. You go back "
    "through logarithm and softmax one after the other, and divide by p on the way. What is left if you do both at "
    "once?",
)
class DifferentiatesSeparately:
    def __init__(self):
        self.params, self.grads = {}, {}

    def forward(self, logits, targets):
        lowered = logits - logits.max(axis=1, keepdims=True)
        log_p = lowered - np.log(np.exp(lowered).sum(axis=1, keepdims=True))
        self.p, self.targets = np.exp(log_p), targets
        return float(-log_p[np.arange(len(targets)), targets].mean())

    def backward(self, grad_out=1.0):
        truth = np.eye(self.p.shape[1])[self.targets]
        with np.errstate(all="ignore"):
            by_p = np.where(truth == 1, -1 / self.p, 0.0) / len(self.targets)
            return grad_out * self.p * (by_p - (self.p * by_p).sum(axis=1, keepdims=True))


@misconception(
    "SoftmaxCrossEntropy",
    "Your loss is a mean, your gradient that of a sum: it is right for one example and too large for a batch. What "
    "does the 1/B in front of the loss do to its derivative?",
)
class GradientOfTheSum:
    def __init__(self):
        self.params, self.grads = {}, {}

    def forward(self, logits, targets):
        lowered = logits - logits.max(axis=1, keepdims=True)
        self.log_p = lowered - np.log(np.exp(lowered).sum(axis=1, keepdims=True))
        self.targets = targets
        return float(-self.log_p[np.arange(len(targets)), targets].mean())

    def backward(self, grad_out=1.0):
        return grad_out * (np.exp(self.log_p) - np.eye(self.log_p.shape[1])[self.targets])


@misconception(
    "SoftmaxCrossEntropy",
    "Your loss grows with the length of the batch, and the gradient with it. Should a batch of 64 be called more "
    "surprising than one of 8?",
)
class SumsTheBatch:
    def __init__(self):
        self.params, self.grads = {}, {}

    def forward(self, logits, targets):
        lowered = logits - logits.max(axis=1, keepdims=True)
        self.log_p = lowered - np.log(np.exp(lowered).sum(axis=1, keepdims=True))
        self.targets = targets
        return float(-self.log_p[np.arange(len(targets)), targets].sum())

    def backward(self, grad_out=1.0):
        return grad_out * (np.exp(self.log_p) - np.eye(self.log_p.shape[1])[self.targets])


@misconception(
    "SoftmaxCrossEntropy",
    "Your gradient points the other way: a step against it would lower the logit of the right class. Which of the "
    "two, probability or truth, is to be subtracted?",
)
class TruthMinusProbability:
    def __init__(self):
        self.params, self.grads = {}, {}

    def forward(self, logits, targets):
        lowered = logits - logits.max(axis=1, keepdims=True)
        self.log_p = lowered - np.log(np.exp(lowered).sum(axis=1, keepdims=True))
        self.targets = targets
        return float(-self.log_p[np.arange(len(targets)), targets].mean())

    def backward(self, grad_out=1.0):
        truth = np.eye(self.log_p.shape[1])[self.targets]
        return grad_out * (truth - np.exp(self.log_p)) / len(self.targets)


@misconception(
    "SoftmaxCrossEntropy",
    "Asked twice, your backward gives two answers: the first changed what forward had kept. Into which array do you "
    "subtract?",
)
class SpoilsItsMemory:
    def __init__(self):
        self.params, self.grads = {}, {}

    def forward(self, logits, targets):
        lowered = logits - logits.max(axis=1, keepdims=True)
        log_p = lowered - np.log(np.exp(lowered).sum(axis=1, keepdims=True))
        self.p, self.targets = np.exp(log_p), targets
        return float(-log_p[np.arange(len(targets)), targets].mean())

    def backward(self, grad_out=1.0):
        self.p[np.arange(len(self.targets)), self.targets] -= 1
        return grad_out * self.p / len(self.targets)


@misconception(
    "SoftmaxCrossEntropy",
    "Your backward takes it that the loss counts once. If it is part of a larger sum and counts three times, what does "
    "grad_out tell you?",
)
class DropsGradOut:
    def __init__(self):
        self.params, self.grads = {}, {}

    def forward(self, logits, targets):
        lowered = logits - logits.max(axis=1, keepdims=True)
        self.log_p = lowered - np.log(np.exp(lowered).sum(axis=1, keepdims=True))
        self.targets = targets
        return float(-self.log_p[np.arange(len(targets)), targets].mean())

    def backward(self, grad_out=1.0):
        return (np.exp(self.log_p) - np.eye(self.log_p.shape[1])[self.targets]) / len(self.targets)


@misconception(
    "SoftmaxCrossEntropy",
    "The probabilities of your columns add up to 1, not those of your rows: a single example always has a loss of 0. "
    "Among what does one example share out its belief?",
)
class SharesAmongTheExamples:
    def __init__(self):
        self.params, self.grads = {}, {}

    def forward(self, logits, targets):
        lowered = logits - logits.max(axis=0, keepdims=True)
        self.log_p = lowered - np.log(np.exp(lowered).sum(axis=0, keepdims=True))
        self.targets = targets
        return float(-self.log_p[np.arange(len(targets)), targets].mean())

    def backward(self, grad_out=1.0):
        return grad_out * (np.exp(self.log_p) - np.eye(self.log_p.shape[1])[self.targets]) / len(self.targets)


@misconception(
    "SoftmaxCrossEntropy",
    "Where the right class is far behind, your loss stops at 27.6, and it should be hundreds: that is -ln of the tiny "
    "number that you add to p. How can you get at ln p without computing p first?",
)
class AddsATinyNumber:
    def __init__(self):
        self.params, self.grads = {}, {}

    def forward(self, logits, targets):
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        self.p, self.targets = exponentials / exponentials.sum(axis=1, keepdims=True), targets
        return -np.log(self.p[np.arange(len(targets)), targets] + 1e-12).mean()

    def backward(self, grad_out=1.0):
        grad = self.p.copy()
        grad[np.arange(len(self.targets)), self.targets] -= 1
        return grad_out * grad / len(self.targets)


@misconception(
    "SoftmaxCrossEntropy",
    "You lower all examples by one and the same number, the largest logit of the batch. What is left of an example "
    "whose own logits all lie a thousand below it?",
)
class LowersByTheLargestOfAll:
    def __init__(self):
        self.params, self.grads = {}, {}

    def forward(self, logits, targets):
        lowered = logits - logits.max()
        self.log_p, self.targets = lowered - np.log(np.exp(lowered).sum(axis=1, keepdims=True)), targets
        return -self.log_p[np.arange(len(targets)), targets].mean()

    def backward(self, grad_out=1.0):
        grad = np.exp(self.log_p)
        grad[np.arange(len(self.targets)), self.targets] -= 1
        return grad_out * grad / len(self.targets)


# --- Embedding


LosesRepeats = misconception(
    "Embedding",
    "A token that occurs twice in the batch gets the blame of one position only. Run the cell that breaks once more: "
    "what "
    "does += do with a repeated index?",
    change=('np.add.at(self.grads["E"], self.ids, grad_out)', 'self.grads["E"][self.ids] += grad_out'),
)


StartsAfresh = misconception(
    "Embedding",
    "Your table forgets the blame of the batch before. Which line sets the gradients to zero, and whose business is "
    "that?",
    change=(
        'np.add.at(self.grads["E"], self.ids, grad_out)',
        'self.grads["E"][...] = 0\nnp.add.at(self.grads["E"], self.ids, grad_out)',
    ),
)


PicksColumns = misconception(
    "Embedding",
    "You picked columns of the table. E is (vocab_size, d_model): along which axis do the tokens lie?",
    change=[('["E"][ids]', '["E"][:, ids]'), (", self.ids, grad_out", ".T, self.ids, grad_out.T")],
)


BlamesEveryWord = misconception(
    "Embedding",
    "All rows of your gradient are alike: every word of the vocabulary is blamed for this batch. Which rows took part?",
    change=('np.add.at(self.grads["E"], self.ids, grad_out)', 'self.grads["E"] += grad_out.sum(axis=0)'),
)


AveragesRepeats = misconception(
    "Embedding",
    "A repeated token gets the mean of its places. If it is nudged, do all of its places move, each in full?",
    change=(
        'np.add.at(self.grads["E"], self.ids, grad_out)',
        'for token in set(self.ids.tolist()):\n    self.grads["E"][token] += grad_out[self.ids == token].mean(axis=0)',
    ),
)


BlamesANewArray = misconception(
    "Embedding",
    "The blame is right, but in a new array: code that holds the one in grads still sees zeros. What does "
    "the contract say of these arrays?",
    change=(
        'np.add.at(self.grads["E"], self.ids, grad_out)',
        'added = np.zeros_like(self.grads["E"])\n'
        "np.add.at(added, self.ids, grad_out)\n"
        'self.grads["E"] = self.grads["E"] + added',
    ),
)


# --- Sequential


@misconception(
    "Sequential",
    "Forward is right, backward goes through the modules in the same order. Which module's output does the loss see, "
    "and so who must answer first?",
)
class BackwardFromTheFront:
    def __init__(self, modules):
        self.modules = list(modules)
        pairs = [(f"{i}.{name}", m, name) for i, m in enumerate(self.modules) for name in m.params]
        self.params = {key: m.params[name] for key, m, name in pairs}
        self.grads = {key: m.grads[name] for key, m, name in pairs}

    def forward(self, x):
        for module in self.modules:
            x = module.forward(x)
        return x

    def backward(self, grad_out):
        for module in self.modules:
            grad_out = module.backward(grad_out)
        return grad_out


@misconception(
    "Sequential",
    "One module is right, several are not: each of yours receives the first input. What should the second module "
    "receive?",
)
class EveryoneGetsTheInput:
    def __init__(self, modules):
        self.modules = list(modules)
        pairs = [(f"{i}.{name}", m, name) for i, m in enumerate(self.modules) for name in m.params]
        self.params = {key: m.params[name] for key, m, name in pairs}
        self.grads = {key: m.grads[name] for key, m, name in pairs}

    def forward(self, x):
        for module in self.modules:
            out = module.forward(x)
        return out

    def backward(self, grad_out):
        for module in reversed(self.modules):
            grad_out = module.backward(grad_out)
        return grad_out


@misconception(
    "Sequential",
    "Each of your modules gets the loss's own gradient. What the last one returned is lost: for whom was it meant?",
)
class EveryoneGetsTheSameBlame:
    def __init__(self, modules):
        self.modules = list(modules)
        pairs = [(f"{i}.{name}", m, name) for i, m in enumerate(self.modules) for name in m.params]
        self.params = {key: m.params[name] for key, m, name in pairs}
        self.grads = {key: m.grads[name] for key, m, name in pairs}

    def forward(self, x):
        for module in self.modules:
            x = module.forward(x)
        return x

    def backward(self, grad_out):
        for module in reversed(self.modules):
            grad_in = module.backward(grad_out)
        return grad_in


@misconception(
    "Sequential",
    "Your params are copies: who writes into one of them changes nothing in the module. What does sgd_step do with "
    "the arrays that it gets?",
)
class CopiesTheParameters:
    def __init__(self, modules):
        self.modules = list(modules)
        pairs = [(f"{i}.{name}", m, name) for i, m in enumerate(self.modules) for name in m.params]
        self.params = {key: m.params[name].copy() for key, m, name in pairs}
        self.grads = {key: m.grads[name] for key, m, name in pairs}

    def forward(self, x):
        for module in self.modules:
            x = module.forward(x)
        return x

    def backward(self, grad_out):
        for module in reversed(self.modules):
            grad_out = module.backward(grad_out)
        return grad_out


@misconception(
    "Sequential",
    "Modules with parameters of the same name overwrite one another: you have fewer arrays than the modules together. "
    "What would tell the W of place 0 from that of place 2?",
)
class NamesWithoutPlaces:
    def __init__(self, modules):
        self.modules = list(modules)
        self.params, self.grads = {}, {}
        for module in self.modules:
            self.params.update(module.params)
            self.grads.update(module.grads)

    def forward(self, x):
        for module in self.modules:
            x = module.forward(x)
        return x

    def backward(self, grad_out):
        for module in reversed(self.modules):
            grad_out = module.backward(grad_out)
        return grad_out


@misconception(
    "Sequential",
    "All blame reaches the modules, but backward of the whole chain returns None. A Sequential is a module itself: "
    "what has it promised?",
)
class ReturnsNothing:
    def __init__(self, modules):
        self.modules = list(modules)
        pairs = [(f"{i}.{name}", m, name) for i, m in enumerate(self.modules) for name in m.params]
        self.params = {key: m.params[name] for key, m, name in pairs}
        self.grads = {key: m.grads[name] for key, m, name in pairs}

    def forward(self, x):
        for module in self.modules:
            x = module.forward(x)
        return x

    def backward(self, grad_out):
        for module in reversed(self.modules):
            grad_out = module.backward(grad_out)


TurnsItsListAround = misconception(
    "Sequential",
    "One pass is right; after it, forward runs from the last module to the first. `.reverse()` turns the list itself: "
    "who turns it back?",
    change=("for module in reversed(self.modules):", "self.modules.reverse()\nfor module in self.modules:"),
)


# --- sgd_step


climbs = misconception(
    "sgd_step",
    "Your parameters walk uphill: in the worked example w_1 went from 2 to 2.16 and the loss grows. Which way does a "
    "gradient point?",
    change=("[name] -= lr *", "[name] += lr *"),
)


makes_new_parameters = misconception(
    "sgd_step",
    "The arrays that the modules hold have not changed: your results are in new ones, which no module looks at. Which "
    "operator changes an array itself?",
    change=("[name] -= lr *", "[name] = params[name] - lr *"),
)


stops_after_the_first = misconception(
    "sgd_step",
    "Only one of the parameters has moved. How far is your return indented, or how often does your loop run?",
    change=("params[name] -= lr * grads[name]", "params[name] -= lr * grads[name]\nreturn"),
)


ignores_the_learning_rate = misconception(
    "sgd_step",
    "Your step is the same for every learning rate. Where does lr enter?",
    change=("lr * grads", "grads"),
)


uses_the_sign_only = misconception(
    "sgd_step",
    "All your steps are equally long, only their signs differ. A parameter with twice the blame: how far should it go?",
    change=("grads[name]", "np.sign(grads[name])"),
)


clears_the_gradients = misconception(
    "sgd_step",
    "The first step is right; then your gradients are zero. Who clears them, according to the docstring?",
    change=("params[name] -= lr * grads[name]", "params[name] -= lr * grads[name]\ngrads[name][...] = 0"),
)


# --- minibatches


@misconception(
    "minibatches",
    "Your examples come in the order of the file, pass after pass. If they are sorted by class, what does each batch "
    "look like?",
)
def never_shuffles(data, batch_size, rng):
    inputs, targets = data
    for start in range(0, len(inputs), batch_size):
        yield inputs[start : start + batch_size], targets[start : start + batch_size]


@misconception(
    "minibatches",
    "Inputs and targets no longer belong together: each was shuffled by itself. How many random orders do you draw in "
    "a pass?",
)
def shuffles_each_by_itself(data, batch_size, rng):
    inputs, targets = data
    inputs, targets = inputs[rng.permutation(len(inputs))], targets[rng.permutation(len(targets))]
    for start in range(0, len(inputs), batch_size):
        yield inputs[start : start + batch_size], targets[start : start + batch_size]


drops_the_rest = misconception(
    "minibatches",
    "The examples that don't fill a last batch never come. With 7 examples and batches of 3, how many are wasted?",
    change=(
        "for start in range(0, len(order), batch_size):\n    chosen = order[start : start + batch_size]",
        "for i in range(len(inputs) // batch_size):\n    chosen = order[i * batch_size : (i + 1) * batch_size]",
    ),
)


@misconception(
    "minibatches",
    "Within one pass some examples come several times and others never: each batch is a new draw from all of them. How "
    "would you deal out a pack of cards?",
)
def draws_with_replacement(data, batch_size, rng):
    inputs, targets = data
    for start in range(0, len(inputs), batch_size):
        size = min(batch_size, len(inputs) - start)
        chosen = rng.integers(len(inputs), size=size)
        yield inputs[chosen], targets[chosen]


the_same_batch_again = misconception(
    "minibatches",
    "All batches of a pass are the same one. Which part of your slice moves on from batch to batch?",
    change=(
        "for start in range(0, len(order), batch_size):\n    chosen = order[start : start + batch_size]",
        "for start in range(0, len(inputs), batch_size):\n    chosen = order[: min(batch_size, len(inputs) - start)]",
    ),
)


a_generator_of_its_own = misconception(
    "minibatches",
    "Every pass of yours has the same order, whatever generator comes in. Where does your randomness come from?",
    change=(
        "order = rng.permutation(len(inputs))\nfor start in range(0, len(order), batch_size):",
        "order = np.random.default_rng(0).permutation(len(inputs))\nfor start in range(0, len(inputs), batch_size):",
    ),
)


@misconception(
    "minibatches",
    "The batches come in random order, but each holds neighbours of the data, always the same ones together. If the "
    "data is sorted by class, what is in a batch?",
)
def shuffles_whole_batches(data, batch_size, rng):
    inputs, targets = data
    for start in rng.permutation(np.arange(0, len(inputs), batch_size)):
        yield inputs[start : start + batch_size], targets[start : start + batch_size]


another_source_of_chance = misconception(
    "minibatches",
    "All is right, but for where the chance comes from: with an equal rng the order is another. Which generator did "
    "you use, and which were you given?",
    change=("= rng.permutation", "= np.random.default_rng().permutation"),
)


# --- train


never_clears = misconception(
    "train",
    "Your first step is right, the later ones go too far: each still carries the blame of all steps before. Where do "
    "the gradients become zero again?",
    change=(
        "for g in model.grads.values():\n    g[...] = 0\nmodel.backward(loss.backward())",
        "model.backward(loss.backward())",
    ),
)


clears_too_late = misconception(
    "train",
    "Your loss never moves, and neither do the parameters. In what order do clearing, backward and the step come: "
    "what is left in grads when the step is taken?",
    change=[
        ("for g in model.grads.values():", "model.backward(loss.backward())\nfor g in model.grads.values():"),
        (
            "model.backward(loss.backward())\nmy.sgd_step(model.params, model.grads, lr)",
            "my.sgd_step(model.params, model.grads, lr)",
        ),
    ],
)


@misconception(
    "train",
    "Your model sees the same batch at every step and learns it by heart. Where does the next batch come from?",
)
def one_batch_for_ever(model, loss, data, lr, batch_size, steps, rng):
    inputs, targets = next(my.minibatches(data, batch_size, rng))
    losses = []
    for _ in range(steps):
        losses.append(loss.forward(model.forward(inputs), targets))
        for g in model.grads.values():
            g[...] = 0
        model.backward(loss.backward())
        my.sgd_step(model.params, model.grads, lr)
    return losses


@misconception(
    "train",
    "You stop when the data have been seen once. If that is less than the steps asked for, who begins another pass?",
)
def a_single_pass(model, loss, data, lr, batch_size, steps, rng):
    losses = []
    for inputs, targets in my.minibatches(data, batch_size, rng):
        losses.append(loss.forward(model.forward(inputs), targets))
        for g in model.grads.values():
            g[...] = 0
        model.backward(loss.backward())
        my.sgd_step(model.params, model.grads, lr)
        if len(losses) == steps:
            break
    return losses


counts_passes = misconception(
    "train",
    "You took `steps` for passes over the data: there are too many updates when a pass has several batches. What does "
    "one step update on?",
    change=[
        ("while len(losses) < steps", "for _ in range(steps)"),
        (
            "my.sgd_step(model.params, model.grads, lr)\nif len(losses) == steps:\n    break",
            "my.sgd_step(model.params, model.grads, lr)",
        ),
    ],
)


@misconception(
    "train",
    "Every step of yours goes through all of the data. What is batch_size for?",
)
def always_everything(model, loss, data, lr, batch_size, steps, rng):
    inputs, targets = data
    losses = []
    for _ in range(steps):
        losses.append(loss.forward(model.forward(inputs), targets))
        for g in model.grads.values():
            g[...] = 0
        model.backward(loss.backward())
        my.sgd_step(model.params, model.grads, lr)
    return losses


turns_the_sign_twice = misconception(
    "train",
    "Your loss climbs, step after step. my.sgd_step goes against the gradient by itself: how many minus signs are "
    "there now?",
    change=("model.backward(loss.backward())", "model.backward(-loss.backward())"),
)


clears_by_replacing = misconception(
    "train",
    "Your parameters never move. You put new arrays of zeros into model.grads, while the modules keep adding to their "
    "own: how does one clear an array without replacing it?",
    change=(
        "for g in model.grads.values():\n    g[...] = 0",
        "for name, g in model.grads.items():\n    model.grads[name] = np.zeros_like(g)",
    ),
)


asks_after_the_step = misconception(
    "train",
    "Your losses are too good: each is taken after the step, when the model has already adapted to the batch. When "
    "does the docstring want it?",
    change=[
        ("losses.append(loss.forward(model.forward(inputs), targets))", "loss.forward(model.forward(inputs), targets)"),
        (
            "if len(losses) == steps:",
            "losses.append(loss.forward(model.forward(inputs), targets))\nif len(losses) == steps:",
        ),
    ],
)
