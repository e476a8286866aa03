# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Backpropagation: who is to blame?
#
# In unit 01 a model learned by counting. From here on, models have *weights*, thousands or billions of numbers, and
# nobody can count their way to good ones. But anyone can say how wrong the model was. **The question of this unit: when
# a model is wrong, how much of the blame does each of its numbers deserve?**
#
# **You will build** a small deep-learning library: layers that know how to pass blame backwards, a loss, an optimiser
# and a training loop. This is how PyTorch works inside, in about a hundred lines. At the end it learns a pattern that
# no straight line can separate, and then rediscovers, by blame alone, what unit 01 found by counting.
#
# **You need** derivatives of simple functions and the chain rule, matrix products in NumPy, and classes in Python.
# **Time:** about two and a half hours, with the experiments at the end.
#
# Skip an exercise whenever you like: the cells after it then use the library's fallback, as `my.Linear` and so on.

# %% tags=["setup"]
import numpy as np
from lecture_lib import demos
from lecture_lib.checking import open_unit
from lecture_lib.plots.style import course_style

np.set_printoptions(precision=3, suppress=True)
check, my = open_unit("02_autodiff")

# %% [markdown]
# ## 1. One example, by hand
#
# The smallest network there is: two inputs, two weights, a bias, and no activation function. It predicts
#
# $$y = w_1 x_1 + w_2 x_2 + b, \qquad L = (y_\mathrm{true} - y)^2$$
#
# and we start from $w_1 = 2$, $w_2 = -1$, $b = 1$. Our one training example is $x = (4, -3)$ with
# $y_\mathrm{true} = 10$.
#
# **Predict:** what does it say, and what is the loss? Then look at the three numbers that we may change. Should each
# of them go up or down? Which one should move furthest?
#
# **Play:** the graph below holds every intermediate result. Press ▶ to see the values flow forward, then the
# blame flow backward, one arrow at a time.

# %% tags=["demo"]
demos.backprop_stepper.show()

# %% [markdown]
# **Read.** With $h_1 = w_1 x_1$ and $h_2 = w_2 x_2$, each arrow of the graph is a tiny function whose derivative is
# easy. The **chain rule** multiplies them along the way from the loss to a weight:
#
# $$\frac{\partial L}{\partial w_1} = \frac{\partial L}{\partial y} \cdot \frac{\partial y}{\partial h_1} \cdot
# \frac{\partial h_1}{\partial w_1}$$
#
# **By hand:** $\frac{\partial L}{\partial y} = 2(y - y_\mathrm{true}) = 2(12 - 10) = 4$, $\frac{\partial y}{\partial
# h_1} = 1$, and $\frac{\partial h_1}{\partial w_1} = x_1 = 4$, so the blame on $w_1$ is $4 \cdot 1 \cdot 4 = 16$. In
# the same way $w_2$ gets $4 \cdot 1 \cdot (-3) = -12$, and $b$ gets $4 \cdot 1 = 4$. The factor 4 is shared: it was
# computed once, at $y$, and passed on to all three. That is the whole economy of **backpropagation**: start at the
# loss, and each node needs only what arrives from behind and its own small derivative.
#
# Now take a step *against* the gradient, with the learning rate $\eta = 0.01$: $w \leftarrow w - \eta\, \partial
# L/\partial w$.

# %%
w_1, w_2, b = 2 - 0.01 * 16, -1 - 0.01 * -12, 1 - 0.01 * 4
y = w_1 * 4 + w_2 * -3 + b
print(f"new weights {w_1:.2f}, {w_2:.2f}, {b:.2f}   new y = {y:.2f}   new loss = {(10 - y) ** 2:.4f}")

# %% [markdown]
# 10.96 instead of 12: the loss fell from 4 to 0.92. Everything else in this unit is this step, for more numbers.

# %% tags=["figures"]
before = 2 * 4 + -1 * -3 + 1
figure("10.96 instead of 12: the loss fell from 4 to 0.92", y, before, (10 - before) ** 2, (10 - y) ** 2)

# %% [markdown]
# ## 2. A witness who can't be fooled
#
# It is easy to get a derivative wrong, and a wrong one doesn't crash: the model just learns badly. So before we build
# anything, let's call a witness that knows nothing of the chain rule. A derivative says how much the result moves
# when an input is nudged. So nudge it:
#
# $$\frac{\partial f}{\partial x_i} \approx \frac{f(x + \varepsilon e_i) - f(x - \varepsilon e_i)}{2\varepsilon}$$
#
# where $e_i$ is 1 at position $i$ and 0 elsewhere. Nudging both ways is worth its price. **Predict:** for $f(x) =
# x^2$ at $x = 3$ with $\varepsilon = 0.1$, what do you get from $(f(3.1) - f(3))/0.1$, and from $(f(3.1) -
# f(2.9))/0.2$?

# %%
(3.1**2 - 3**2) / 0.1, (3.1**2 - 2.9**2) / 0.2

# %% [markdown]
# The true derivative is 6. The one-sided error shrinks like $\varepsilon$, the two-sided one like $\varepsilon^2$
# (for a parabola it is already 0).
#
# **Build** the witness, for arrays of any shape: one entry is nudged at a time.


# %% tags=["exercise:numerical_gradient"]
def numerical_gradient(f, x, eps=1e-5):
    """The gradient of f at x, by nudging each entry of x up and down by eps.

    f: function of an array like x, returns a number; x: array of floats, any shape, unchanged afterwards
    -> array of the shape of x: entry i is (f(x with entry i raised) - f(x with entry i lowered)) / (2 eps)

    >>> numerical_gradient(lambda x: x[0] * x[1], np.array([2.0, 5.0])).round(6)
    array([5., 2.])
    """
    ### BEGIN SOLUTION
    gradient = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[place] += eps
        down[place] -= eps
        gradient[place] = (f(up) - f(down)) / (2 * eps)
    return gradient
    ### END SOLUTION


# %% [markdown] tags=["hints:numerical_gradient"]
# 1. How far apart are the two points at which you ask `f`? How many entries differ between them?
# 2. `np.ndindex(x.shape)` walks over the indices of an array of any shape: `(0,)`, `(1,)` for a vector, `(0, 0)`,
#    `(0, 1)` for a matrix. The result has the shape of `x`.
# 3. For each index: copy x twice; add eps there in one copy, subtract it in the other; entry = difference of the two
#    values of f, divided by twice eps.

# %% [markdown]
# **See:** does the witness agree with what we found by hand? Expect 16, -12 and 4.


# %%
def example_loss(weights):
    w_1, w_2, b = weights
    return (10 - (w_1 * 4 + w_2 * -3 + b)) ** 2


my.numerical_gradient(example_loss, np.array([2.0, -1.0, 1.0]))

# %% [markdown]
# Why not train like this? It calls $f$ twice for *every* weight. Backpropagation gets all of them for the price of
# about two more forward passes, whether there are three weights or three billion. We keep the witness for checking.
#
# ### When a number is used twice
#
# **Poll.** $h = w \cdot x$ and then $y = h + w$: the weight $w$ reaches $y$ along two paths. What is $\partial
# y/\partial w$?
#
# * **A** $x \cdot 1 = x$: multiply what comes along the two paths.
# * **B** $x + 1$: add what comes along the two paths.
# * **C** $1$: take what comes along the path that was used last.
# * **D** $(x + 1)/2$: take the mean of the two paths.

# %% tags=["exercise:used_twice"]
used_twice = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
used_twice = "B"
### END SOLUTION

# %% [markdown] tags=["hints:used_twice"]
# 1. Write $y$ as one formula in $w$ and $x$, and take its derivative.
# 2. Nudge $w$ by 0.01. By how much does $h$ move? By how much does $y$ move in total?
# 3. Ask your witness: `my.numerical_gradient(lambda w: w[0] * 5 + w[0], np.array([3.0]))`.

# %% [markdown]
# **Play** it through, and watch the gradient at $w$: what is it after the first arrow, and after the second? (You may
# type a graph of your own: each line defines a new name.)

# %% tags=["demo"]
demos.backprop_stepper.show("h = w * x\ny = h + w", {"w": 3, "x": 5}, train=["w"])

# %% [markdown]
# Blame **accumulates**. A weight serves every example of a batch, and a word vector serves every position where the
# word occurs, so this will be the rule from now on.
#
# ## 3. Modules: forward() and backward()
#
# A network is built from **modules**. Each one keeps two promises:
#
# * `forward(x)` computes the output, and remembers what the way back will need.
# * `backward(grad_out)` receives $\partial L/\partial(\text{output})$, of the shape of the output. It **adds** the
#   gradients of its own parameters to `grads`, and returns $\partial L/\partial x$, of the shape of its input, for
#   the module before it.
#
# `params` and `grads` are dictionaries with the same names; each array in `grads` has the shape of its parameter and
# starts as zeros. Both stay **the same arrays** forever: other code holds on to them, so change them in place (`+=`).
#
# The first module is the network of section 1, for a whole batch and many outputs. With one example in each *row* of
# $X$,
#
# $$Y = XW + \mathbf{b}, \qquad X: (B, d_\mathrm{in}), \quad W: (d_\mathrm{in}, d_\mathrm{out}), \quad Y: (B,
# d_\mathrm{out})$$
#
# **Predict:** the gradient of $W$ has the shape $(d_\mathrm{in}, d_\mathrm{out})$. You have $X$, of shape $(B,
# d_\mathrm{in})$, and $G = \partial L/\partial Y$, of shape $(B, d_\mathrm{out})$. Which product of the two fits?

# %% [markdown]
# **Read.** In section 1 the blame on a weight was *its input times the blame on its output*: $16 = 4 \cdot 4$. For
# the weight from input $i$ to output $j$, summed over all examples $n$ of the batch, this gives
#
# $$\frac{\partial L}{\partial W_{ij}} = \sum_{n=1}^{B} X_{ni}\, G_{nj}, \quad \text{so} \quad
# \frac{\partial L}{\partial W} = X^\top G, \qquad \frac{\partial L}{\partial \mathbf{b}} = \sum_n G_n, \qquad
# \frac{\partial L}{\partial X} = G W^\top$$
#
# A **sum** over the batch, not a mean: if the loss is a mean, its $1/B$ is already in $G$.
#
# **By hand:** two examples, one input, one output: $X = (1, 3)^\top$, $G = (10, 100)^\top$. The gradient of the single
# weight is $1 \cdot 10 + 3 \cdot 100 = 310$, that of the bias 110.
#
# **Build** it. The first method is given; write the other two. The weights start
# at random with the spread $1/\sqrt{d_\mathrm{in}}$, so that outputs are about as large as inputs. (If all of them
# were 0, all outputs would stay alike forever.)


# %% tags=["exercise:Linear"]
class Linear:
    """Y = X W + b, with one example in each row.

    params: W (d_in, d_out), b (d_out,); grads: the same names and shapes
    forward(x): (B, d_in) -> (B, d_out)
    backward(grad_out): (B, d_out) -> gradient of x (B, d_in); adds the gradients of W and b, in place, to grads

    >>> layer = Linear(2, 1, np.random.default_rng(0))
    >>> layer.params["W"][...] = [[2.0], [-1.0]]; layer.params["b"][...] = 1.0
    >>> layer.forward(np.array([[4.0, -3.0]])), layer.backward(np.array([[4.0]])), layer.grads["W"]
    (array([[12.]]), array([[ 8., -4.]]), array([[ 16.], [-12.]]))
    """

    def __init__(self, d_in, d_out, rng):
        self.params = {"W": rng.normal(size=(d_in, d_out)) / np.sqrt(d_in), "b": np.zeros(d_out)}
        self.grads = {name: np.zeros_like(p) for name, p in self.params.items()}

    def forward(self, x):
        ### BEGIN SOLUTION
        self.x = x
        return x @ self.params["W"] + self.params["b"]
        ### END SOLUTION

    def backward(self, grad_out):
        ### BEGIN SOLUTION
        self.grads["W"] += self.x.T @ grad_out
        self.grads["b"] += grad_out.sum(axis=0)
        return grad_out @ self.params["W"].T
        ### END SOLUTION


# %% [markdown] tags=["hints:Linear"]
# 1. What does `backward` need that only `forward` has seen? Keep it in `self`.
# 2. (d_in, B) times (B, d_out) gives (d_in, d_out), the shape of W. (B, d_out) times (d_out, d_in) gives (B, d_in), the
#    shape of x. For b, (d_out,), which axis of (B, d_out) has to disappear?
# 3. forward: keep x; return x @ W + b. backward: add x-transposed @ grad_out to grads["W"]; add the sum of grad_out
#    over the examples to grads["b"]; return grad_out @ W-transposed.

# %% [markdown]
# **See:** the worked example again, with your module. Its gradients should be 16, -12 and 4.

# %%
layer = my.Linear(2, 1, np.random.default_rng(0))
layer.params["W"][...] = [[2.0], [-1.0]]
layer.params["b"][...] = 1.0
y = layer.forward(np.array([[4.0, -3.0]]))
layer.backward(2 * (y - 10))  # the derivative of the loss with respect to y
print("y =", y.item(), "  grads:", layer.grads["W"].ravel(), layer.grads["b"])

# %% [markdown]
# ## 4. A step downhill
#
# **Predict:** where the gradient is positive, the loss grows with the weight. Which way should the weight go?
#
# Every parameter $\theta$ moves against its gradient:
#
# $$\theta \leftarrow \theta - \eta\, \frac{\partial L}{\partial \theta}$$
#
# **By hand:** $w_1 = 2 - 0.01 \cdot 16 = 1.84$. What becomes of $w_2$?
#
# **Build** the step. It changes the arrays themselves: the modules hold on to them. Leave the gradients as they are;
# they are cleared when the next step begins.


# %% tags=["exercise:sgd_step"]
def sgd_step(params, grads, lr):
    """One step of gradient descent, in place.

    params, grads: dictionaries of arrays, with the same names and shapes; lr: the learning rate (eta)
    -> None; every array in params has changed, none in grads has.

    >>> params = {"w_2": np.array([-1.0])}
    >>> sgd_step(params, {"w_2": np.array([-12.0])}, lr=0.01)
    >>> params
    {'w_2': array([-0.88])}
    """
    ### BEGIN SOLUTION
    for name in params:
        params[name] -= lr * grads[name]
    ### END SOLUTION


# %% [markdown] tags=["hints:sgd_step"]
# 1. If the gradient is -12 and the weight -1, is the new weight above or below -1?
# 2. `a = a - 1` makes a new array and lets the name `a` point to it. `a -= 1` changes the array itself. If a module
#    holds the array too, which of the two does it notice?
# 3. For each name: subtract lr times the array of grads from the array of params, in place.

# %% tags=["figures"]
figure("= 1.84$. What becomes", 2 - 0.01 * 16)

# %% [markdown]
# **See:** expect 1.84, -0.88, 0.96, and a prediction of 10.96.

# %%
my.sgd_step(layer.params, layer.grads, lr=0.01)
print("weights", layer.params["W"].ravel(), layer.params["b"], "  y =", layer.forward(np.array([[4.0, -3.0]])))

# %% [markdown]
# **Poll.** With $\eta = 0.01$, one step took the loss from 4 to 0.92. Take the same step, from the same start, with
# $\eta = 0.1$. The new loss is ...
#
# * **A** 0: ten times as far is enough to get there.
# * **B** between 0 and 0.92: further along means a smaller loss.
# * **C** more than 4: it lands on the other side, higher up.
# * **D** 4 again: it lands on the other side, just as high up.

# %% tags=["exercise:bigger_step"]
bigger_step = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
bigger_step = "C"
### END SOLUTION

# %% [markdown] tags=["hints:bigger_step"]
# 1. The step of 0.01 moved $y$ from 12 to 10.96. How far does a step ten times as long move it?
# 2. $y$ is linear in the weights, so ten times the step is ten times the move: $12 - 10 \cdot 1.04$.
# 3. The loss is the squared distance to 10. Compare with the distance at the start.

# %% [markdown]
# ## 5. Nonlinearities
#
# **Predict:** how much more can two `Linear` modules in a row compute than a single one?

# %%
rng = np.random.default_rng(0)
one, two = my.Linear(3, 5, rng), my.Linear(5, 2, rng)
x = rng.normal(size=(4, 3))
together = one.params["W"] @ two.params["W"]  # (3, 2)
np.abs(two.forward(one.forward(x)) - x @ together).max()

# %% [markdown]
# Nothing: $(XW_1)W_2 = X(W_1W_2)$ is linear again. So we put a bend between them, a **nonlinearity**: a function
# applied to each number by itself. Then the chain rule is a product of numbers, element by element:
#
# $$y = \phi(x), \qquad \frac{\partial L}{\partial x} = \phi'(x) \cdot \frac{\partial L}{\partial y}$$
#
# The first is the **rectified linear unit**: $\mathrm{ReLU}(x) = \max(0, x)$. Its slope is 1 where $x > 0$ and 0 where
# $x < 0$; at the corner, $x = 0$, we take 0.
#
# **By hand:** $x = (-2, 3)$ becomes $(0, 3)$. If $(10, 20)$ comes back, which blame did each *input* deserve? (The
# first had no say: it gets 0. The second gets 20.)
#
# **Build** both methods.


# %% tags=["exercise:ReLU"]
class ReLU:
    """max(0, x), elementwise.

    forward(x): (B, d) -> (B, d); backward(grad_out): (B, d) -> gradient of x (B, d); an input of exactly 0 gets 0

    >>> relu = ReLU()
    >>> relu.forward(np.array([[-2.0, 3.0]])), relu.backward(np.array([[10.0, 20.0]]))
    (array([[0., 3.]]), array([[ 0., 20.]]))
    """

    def __init__(self):
        self.params, self.grads = {}, {}  # nothing to learn here

    def forward(self, x):
        ### BEGIN SOLUTION
        self.positive = x > 0
        return np.where(self.positive, x, 0.0)
        ### END SOLUTION

    def backward(self, grad_out):
        ### BEGIN SOLUTION
        return np.where(self.positive, grad_out, 0.0)
        ### END SOLUTION


# %% [markdown] tags=["hints:ReLU"]
# 1. Which inputs let blame through? Does that depend on the blame, or on what went forward?
# 2. Everything is (B, d). A comparison such as `x > 0` gives a (B, d) array of truth values; keep it in `self`.
# 3. forward: keep where x is positive; return x there, 0 elsewhere. backward(self, grad_out): grad_out there, 0
#    elsewhere.

# %% [markdown]
# The second bend is smooth: $\tanh$, which squeezes any number into $(-1, 1)$. Its derivative can be written in terms
# of its own result: $\tanh'(x) = 1 - \tanh^2(x)$. So `forward` had better keep what it returned.
#
# **By hand:** at $x = 0$, $\tanh$ is 0 and its slope is 1. Far out, at $x = 5$, it is 0.9999 and its slope 0.0002:
# hardly any blame gets through there. (Remember that for unit 04, with a hundred of these in a row.)
#
# **Build** it, both methods.


# %% tags=["exercise:Tanh"]
class Tanh:
    """The hyperbolic tangent, elementwise.

    forward(x): (B, d) -> (B, d), between -1 and 1; backward(grad_out): (B, d) -> gradient of x (B, d)

    >>> tanh = Tanh()
    >>> tanh.forward(np.array([[0.0, 1.0]])), tanh.backward(np.array([[10.0, 10.0]]))
    (array([[0.   , 0.762]]), array([[10. ,  4.2]]))
    """

    def __init__(self):
        self.params, self.grads = {}, {}

    def forward(self, x):
        ### BEGIN SOLUTION
        self.y = np.tanh(x)
        return self.y
        ### END SOLUTION

    def backward(self, grad_out):
        ### BEGIN SOLUTION
        return (1 - self.y**2) * grad_out
        ### END SOLUTION


# %% [markdown] tags=["hints:Tanh"]
# 1. Is the square in the derivative that of the input, or that of the output?
# 2. Output, its square and grad_out are all (B, d); the products are elementwise, so `*` and not `@`.
# 3. forward: y = np.tanh(x), keep y, return it. backward(self, grad_out): (1 - y squared) times grad_out.

# %% tags=["figures"]
figure("it is 0.9999 and its slope 0.0002", np.tanh(5), 1 - np.tanh(5) ** 2)

# %% [markdown]
# The third squeezes into $(0, 1)$, as a probability must be: $\sigma(x) = \dfrac{1}{1 + e^{-x}}$, with $\sigma'(x) =
# \sigma(x)\,(1 - \sigma(x))$. You will meet it again as the gate of an LSTM.
#
# **Break it:** the same fraction can be written as $e^x/(1 + e^x)$. On paper, that is. **Predict** what the machine
# says at $x = 1000$:

# %% tags=["break-it"]
with np.errstate(all="ignore"):  # keeps NumPy from warning about the overflow that we want to see
    print(np.exp(1000.0) / (1 + np.exp(1000.0)))

# %% [markdown]
# Infinity divided by infinity isn't a number (NaN), and one NaN in a gradient soon spoils every weight. The way out: a
# form in which nothing large is divided by anything large. One of them is $\sigma(x) = \frac12\left(1 +
# \tanh\frac{x}{2}\right)$, as you can verify. **Build** it, in a form that survives.


# %% tags=["exercise:Sigmoid"]
class Sigmoid:
    """1 / (1 + exp(-x)), elementwise; also right for inputs of 1000 and -1000.

    forward(x): (B, d) -> (B, d), between 0 and 1; backward(grad_out): (B, d) -> gradient of x (B, d)

    >>> sigmoid = Sigmoid()
    >>> sigmoid.forward(np.array([[0.0, 1000.0]])), sigmoid.backward(np.array([[8.0, 8.0]]))
    (array([[0.5, 1. ]]), array([[2., 0.]]))
    """

    def __init__(self):
        self.params, self.grads = {}, {}

    def forward(self, x):
        ### BEGIN SOLUTION
        self.y = 0.5 * (1 + np.tanh(x / 2))
        return self.y
        ### END SOLUTION

    def backward(self, grad_out):
        ### BEGIN SOLUTION
        return self.y * (1 - self.y) * grad_out
        ### END SOLUTION


# %% [markdown] tags=["hints:Sigmoid"]
# 1. What is the slope of the sigmoid where it is steepest, at 0? What does the formula for the slope ask for: the
#    input, or the output?
# 2. Everything is (B, d), elementwise.
# 3. forward: y = (1 + tanh(x / 2)) / 2, keep it, return it. backward(self, grad_out): y times (1 - y) times grad_out.

# %% [markdown]
# **See:** the three nonlinearities, and their slopes as your `backward` reports them for a blame of 1.

# %% tags=["experiment"]
import matplotlib.pyplot as plt

x = np.linspace(-4, 4, 401)[:, None]
with course_style():
    fig, axes = plt.subplots(1, 2, figsize=(12, 3.8))
    for name, bend, line in (("ReLU", my.ReLU(), "-"), ("tanh", my.Tanh(), "--"), ("sigmoid", my.Sigmoid(), "-.")):
        axes[0].plot(x, bend.forward(x), line, label=name)
        axes[1].plot(x, bend.backward(np.ones_like(x)), line, label=name)
    axes[0].set(title="forward", ylim=(-1.2, 2), xlabel="$x$")
    axes[1].set(title="backward: slope", ylim=(-0.1, 1.2), xlabel="$x$")
    axes[0].legend(loc="upper left")
    fig.tight_layout()
    plt.show()

# %% [markdown]
# ## 6. The loss of a language model
#
# A language model ends in a **logit**, any real number, for each class: for each word of the vocabulary, say. The
# softmax turns the logits $\mathbf{z}$ of an example into probabilities $p_j = e^{z_j} / \sum_m e^{z_m}$, and the
# loss is the surprise of unit 01, in nats: minus the log-probability of what really came, its class $t$. Over a batch
# we take the mean:
#
# $$L = \frac{1}{B} \sum_{n=1}^{B} -\ln p_{n, t_n}$$
#
# **Predict:** with $C$ classes and all logits equal, what is the loss?
#
# **Break it:** one might build a softmax module and a logarithm module, and let each do its own backward. Here are
# three classes, and the right one is far behind:

# %% tags=["break-it"]
z, t = np.array([900.0, 0.0, 1.0]), 1
p = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
with np.errstate(all="ignore"):
    loss, by_p = -np.log(p[t]), np.where(np.arange(3) == t, -1 / p, 0.0)
    by_z = p * (by_p - (p * by_p).sum())  # the softmax's own backward
print("p =", p, " loss =", loss, " gradient =", by_z)

# %% [markdown]
# The model is as wrong as can be, and just now, when it needs one most, it gets no usable gradient: the probability
# was rounded to 0 before its logarithm was taken. **Read:** take both steps as one, and everything gets simpler. With
# the logarithm taken by hand, $-\ln p_t = \ln \sum_m e^{z_m} - z_t$, and then
#
# $$\frac{\partial L}{\partial z_{nj}} = \frac{1}{B}\left(p_{nj} - [\,j = t_n\,]\right)$$
#
# *Probability minus truth.* Where the model is right and sure, there is no blame; it never grows beyond $1/B$. For
# large logits, use what unit 01's logarithms taught: first subtract the maximum from all logits of an example.
# Numerator and denominator shrink by the same factor, so $p$ stays the same.
#
# **By hand:** the logits $(\ln 3, 0)$ give $p = (\frac34, \frac14)$. If class 0 was right, the loss is $\ln\frac43 =
# 0.288$ and the gradient $(-\frac14, \frac14)$: raise the first logit, lower the second.
#
# **Build** it. The loss comes last, so its own `grad_out` is 1 unless it is given another.


# %% tags=["exercise:SoftmaxCrossEntropy"]
class SoftmaxCrossEntropy:
    """Softmax and mean cross-entropy in one module, in nats; finite for any finite logits.

    forward(logits, targets): (B, C) floats, (B,) integers from 0 to C - 1 -> a number, the mean over the batch
    backward(grad_out=1.0): gradient of the logits (B, C), times grad_out

    >>> loss = SoftmaxCrossEntropy()
    >>> round(loss.forward(np.array([[np.log(3), 0.0]]), np.array([0])), 3), loss.backward()
    (0.288, array([[-0.25,  0.25]]))
    """

    def __init__(self):
        self.params, self.grads = {}, {}

    def forward(self, logits, targets):
        ### BEGIN SOLUTION
        lowered = logits - logits.max(axis=1, keepdims=True)
        log_p = lowered - np.log(np.exp(lowered).sum(axis=1, keepdims=True))
        self.log_p, self.targets = log_p, targets
        return float(-log_p[np.arange(len(targets)), targets].mean())
        ### END SOLUTION

    def backward(self, grad_out=1.0):
        ### BEGIN SOLUTION
        grad = np.exp(self.log_p)
        grad[np.arange(len(self.targets)), self.targets] -= 1
        return grad_out * grad / len(self.targets)
        ### END SOLUTION


# %% [markdown] tags=["hints:SoftmaxCrossEntropy"]
# 1. Why should you compute $\ln p$ directly, and not $p$ first? What does $\ln \sum_m e^{z_m}$ become if the maximum
#    was subtracted from every $z_m$?
# 2. Logits, log-probabilities and gradient are (B, C); the maximum and the sum of an example are (B, 1): `keepdims`.
#    `log_p[np.arange(B), targets]` picks one entry from each row, (B,).
# 3. forward: shifted = logits - row maximum; log_p = shifted - log of the row sums of exp(shifted); keep it; minus
#    the mean of the picked entries. backward(self, grad_out=1.0): p = exp(log_p), minus 1 at the targets, divided by
#    B, times grad_out.

# %% tags=["figures"]
figure("0.288$ and the gradient", np.log(4 / 3))

# %% [markdown]
# **See:** the case that broke, and the witness's opinion on a random batch.

# %%
loss = my.SoftmaxCrossEntropy()
print(loss.forward(np.array([[900.0, 0.0, 1.0]]), np.array([1])), loss.backward())
rng = np.random.default_rng(0)
logits, targets = rng.normal(size=(4, 3)), np.array([0, 2, 2, 1])
witness = my.numerical_gradient(lambda z: loss.forward(z, targets), logits)
loss.forward(logits, targets)
print("largest disagreement with the witness:", np.abs(loss.backward() - witness).max())

# %% [markdown]
# **Poll.** You have a batch of 8 examples and the gradient of $W$ for this loss. By mistake every example is put in
# twice, so the batch has 16 rows. The gradient of $W$ ...
#
# * **A** doubles: $X^\top G$ is now a sum over twice as many examples.
# * **B** stays the same: twice as many terms, each of them half as large.
# * **C** is halved: there is now $1/16$ in each row instead of $1/8$.
# * **D** is four times as large: twice the examples, twice the loss.

# %% tags=["exercise:doubled_batch"]
doubled_batch = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
doubled_batch = "B"
### END SOLUTION

# %% [markdown] tags=["hints:doubled_batch"]
# 1. Two things change: the number of terms in $X^\top G$, and the size of each row of $G$. By which factor each?
# 2. Does the loss itself change? It is the mean over the batch.
# 3. Try it: repeat logits and targets with `np.concatenate([a, a])`, and look at the gradient of a single row.

# %% [markdown]
# ## 7. Words as rows of a table
#
# A word has no numbers to multiply. So it gets a vector of its own, row `id` of a table $E$ of shape (vocab_size,
# d_model), the **embedding**. `forward` looks up; there is nothing to compute.
#
# **Predict:** a batch holds the ids 5, 2, 5. Which rows of $E$ are blamed, and how many times?
#
# Row 2 gets what came back for its position, row 5 the *sum* of what came back for its two positions, and all other
# rows nothing. **Break it:** the obvious line of NumPy loses half of that sum:

# %% tags=["break-it"]
ids, blame, grad = np.array([5, 2, 5]), np.array([1.0, 10.0, 100.0]), np.zeros(8)
grad[ids] += blame
print(grad)  # row 5 should hold 101

# %% [markdown]
# `grad[ids] += blame` reads all rows first, adds, and writes: the second write to row 5 overwrites the first. NumPy has
# `np.add.at(grad, ids, blame)` for exactly this.
#
# **Build** the table. An id has no derivative (there is no token 5.01), so `backward` returns `None`.


# %% tags=["exercise:Embedding"]
class Embedding:
    """A table with one row for each token.

    params: E (vocab_size, d_model); grads: the same
    forward(ids): (B,) integers -> (B, d_model)
    backward(grad_out): (B, d_model) -> None; adds the gradient of E, in place, to grads

    >>> table = Embedding(3, 2, np.random.default_rng(0))
    >>> table.forward(np.array([2, 0, 2])).shape, table.backward(np.ones((3, 2))), table.grads["E"]
    ((3, 2), None, array([[1., 1.], [0., 0.], [2., 2.]]))
    """

    def __init__(self, vocab_size, d_model, rng):
        self.params = {"E": rng.normal(size=(vocab_size, d_model)) / np.sqrt(d_model)}
        self.grads = {"E": np.zeros((vocab_size, d_model))}

    def forward(self, ids):
        ### BEGIN SOLUTION
        self.ids = ids
        return self.params["E"][ids]
        ### END SOLUTION

    def backward(self, grad_out):
        ### BEGIN SOLUTION
        np.add.at(self.grads["E"], self.ids, grad_out)
        ### END SOLUTION


# %% [markdown] tags=["hints:Embedding"]
# 1. Indexing a matrix with an array of integers picks rows. Which rows must the backward pass know?
# 2. grad_out has a row for each position of the batch, (B, d_model); the gradient of E has a row for each word of the
#    vocabulary. Several positions may point to the same word.
# 3. forward: keep the ids; return the rows of E at ids. backward(self, grad_out): np.add.at on the gradient of E, at
#    the ids, with grad_out; return nothing.

# %% [markdown]
# ## 8. A chain of modules
#
# `Sequential` makes one module out of many. Forward, each takes what the one before it returned. Backward, the same
# in reverse: what the last one returns is the `grad_out` of the one before it.
#
# **Predict:** for $y = h(g(f(x)))$ the chain rule reads $\frac{\partial L}{\partial x} = f' \cdot g' \cdot h' \cdot
# \frac{\partial L}{\partial y}$. Whose `backward` must be called first?
#
# Its `params` and `grads` collect those of all modules, **the same arrays**, under the module's position and the
# parameter's name: `"0.W"`, `"0.b"`, `"2.W"`, ... A `Sequential` is itself a module, so it can be part of another.
#
# **Build** it: finish `__init__`, then `forward` and `backward`.


# %% tags=["exercise:Sequential"]
class Sequential:
    """Modules in a row, as one module.

    params, grads: dictionaries, "POSITION.NAME" -> the module's own array, e.g. "0.W"; positions count from 0
    forward(x): through all modules in order; backward(grad_out): back through them -> gradient of x

    >>> rng = np.random.default_rng(0)
    >>> model = Sequential([my.Linear(2, 3, rng), my.Tanh(), my.Linear(3, 1, rng)])
    >>> model.forward(np.ones((5, 2))).shape, list(model.params)
    ((5, 1), ['0.W', '0.b', '2.W', '2.b'])
    """

    def __init__(self, modules):
        self.modules = list(modules)
        ### BEGIN SOLUTION
        self.params, self.grads = {}, {}
        for place, module in enumerate(self.modules):
            for name in module.params:
                self.params[f"{place}.{name}"] = module.params[name]
                self.grads[f"{place}.{name}"] = module.grads[name]
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        for module in self.modules:
            x = module.forward(x)
        return x
        ### END SOLUTION

    def backward(self, grad_out):
        ### BEGIN SOLUTION
        for module in reversed(self.modules):
            grad_out = module.backward(grad_out)
        return grad_out
        ### END SOLUTION


# %% [markdown] tags=["hints:Sequential"]
# 1. What does the second module receive: x, or what the first one returned? And on the way back?
# 2. With modules of widths 2, 3, 1, the gradients on the way back have the shapes (B, 1), (B, 3), (B, 2).
# 3. __init__: for each position and module, and each name in its params, enter the two arrays under
#    f"{position}.{name}". forward(self, x): for each module, x = what it returns for x. backward(self, grad_out): the
#    same with backward, from the last to the first.

# %% [markdown]
# **See:** the witness checks a whole network, every single parameter of it. (If your `Sequential` agrees with it to
# nine digits, it is right.)

# %%
rng = np.random.default_rng(0)
model = my.Sequential([my.Linear(2, 5, rng), my.Tanh(), my.Linear(5, 3, rng)])
x, targets = rng.normal(size=(6, 2)), rng.integers(0, 3, size=6)
loss.forward(model.forward(x), targets)
model.backward(loss.backward())


def loss_with(name, values):
    """The loss if the parameter `name` held these values."""
    kept = model.params[name].copy()
    model.params[name][...] = values
    value = loss.forward(model.forward(x), targets)
    model.params[name][...] = kept
    return value


for name, p in model.params.items():
    witness = my.numerical_gradient(lambda v, name=name: loss_with(name, v), p.copy())
    print(f"{name:4} {p.shape!s:7} largest disagreement {np.abs(witness - model.grads[name]).max():.1e}")

# %% [markdown]
# ## 9. Mini-batches
#
# The gradient over all examples costs a pass over all of them. A few examples, drawn at random, point in about the
# same direction at a fraction of the price: **stochastic gradient descent** with one example per step, **mini-batch**
# SGD with $B$.
#
# **Predict:** the examples are sorted by class, as files often are. What would a model see without shuffling?
#
# We could draw each batch at random from all examples. The usual way is to shuffle all examples, take them $B$ at a
# time until they are used up (an *epoch*), and shuffle again: that way, each gets its turn. **Build** one such pass,
# as a generator. `data` is a tuple of arrays that belong together row by row, inputs and targets; it stays as it is.


# %% tags=["exercise:minibatches"]
def minibatches(data, batch_size, rng):
    """One pass over the data in random order, a batch at a time.

    data: tuple (inputs, targets) of arrays of the same length N; rng: a NumPy generator, used for the order
    -> generator of tuples (inputs, targets): rows that belong together, batch_size of them; the last batch holds what
    is left. Every example comes exactly once.

    >>> data = (np.array([10, 11, 12]), np.array([0, 1, 2]))
    >>> [len(inputs) for inputs, targets in minibatches(data, 2, np.random.default_rng(0))]
    [2, 1]
    """
    ### BEGIN SOLUTION
    inputs, targets = data
    order = rng.permutation(len(inputs))
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        yield inputs[chosen], targets[chosen]
    ### END SOLUTION


# %% [markdown] tags=["hints:minibatches"]
# 1. How do you shuffle two arrays so that their rows still match? (Don't shuffle the arrays: shuffle what points at
#    their rows.)
# 2. `rng.permutation(N)` is (N,): each index once, in random order. A slice of it, (batch_size,), picks rows of both
#    arrays. What do you get from a slice that reaches beyond the end?
# 3. order = a random permutation; for start = 0, B, 2B, ... below N: chosen = order[start : start + B]; yield the rows
#    of inputs and targets at chosen.

# %%
data = (np.arange(10, 17), np.arange(7))
for inputs, targets in my.minibatches(data, 3, np.random.default_rng(0)):
    print(inputs, targets)

# %% [markdown]
# ## 10. The training loop
#
# Five lines train every network of this course, and nearly every large one in the world:
#
# 1. forward, through the model and the loss;
# 2. set all gradients to zero (in place: `Sequential` holds the same arrays);
# 3. backward, from the loss through the model;
# 4. a step;
# 5. the next batch. When a pass is over, begin another.
#
# **Predict:** if line 2 is left out, which gradient does the second step use?
#
# **Build** it. `steps` counts updates, not passes. Return the losses, each taken *before* its update: how surprised was
# the model by a batch that it hadn't adapted to yet?


# %% tags=["exercise:train"]
def train(model, loss, data, lr, batch_size, steps, rng):
    """Mini-batch stochastic gradient descent.

    model: a module; loss: has forward(outputs, targets) -> number and backward() -> gradient of the outputs
    data: (inputs, targets); lr: learning rate; batch_size; steps: number of updates; rng: a NumPy generator
    -> list of `steps` losses, one for each batch, taken before its update. The model is changed in place.

    >>> rng = np.random.default_rng(0)
    >>> data = (np.array([[0.0], [1.0]]), np.array([0, 1]))
    >>> losses = train(my.Linear(1, 2, rng), my.SoftmaxCrossEntropy(), data, 1.0, 2, 50, rng)
    >>> len(losses), losses[-1] < losses[0]
    (50, True)
    """
    ### BEGIN SOLUTION
    losses = []
    while len(losses) < steps:
        for inputs, targets in my.minibatches(data, batch_size, rng):
            losses.append(loss.forward(model.forward(inputs), targets))
            for g in model.grads.values():
                g[...] = 0
            model.backward(loss.backward())
            my.sgd_step(model.params, model.grads, lr)
            if len(losses) == steps:
                break
    return losses
    ### END SOLUTION


# %% [markdown] tags=["hints:train"]
# 1. Which of the five lines could be left out without an error message? Those are the ones to watch.
# 2. `model.grads` is a dictionary of arrays: `g[...] = 0` sets one to zero in place. `model.backward` needs an array
#    of the shape of the model's output; what returns that?
# 3. Until there are `steps` losses: for each batch of my.minibatches: append the loss of the batch; clear the grads;
#    model.backward of loss.backward(); my.sgd_step; stop in the middle of a pass if that was the last step.

# %% [markdown]
# ## 11. Experiment: two spirals
#
# Two classes, wound into each other: no straight line separates them.


# %%
def spirals(n, rng):
    """n points (n, 2) on two noisy spiral arms, and their class (n,)."""
    target = np.arange(n) % 2
    turn = np.sqrt(rng.uniform(0.04, 1, size=n)) * 3 * np.pi
    angle = turn + np.pi * target
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1) * turn[:, None] / (3 * np.pi)
    return points * 2 + rng.normal(scale=0.05, size=(n, 2)), target


def mlp(rng, width=48):
    """2 -> width -> width -> 2, with tanh in between."""
    wide = [my.Linear(2, width, rng), my.Tanh(), my.Linear(width, width, rng), my.Tanh()]
    return my.Sequential([*wide, my.Linear(width, 2, rng)])


points = spirals(400, np.random.default_rng(1))
held_out = spirals(400, np.random.default_rng(2))

# %% [markdown]
# **Predict:** what will the border between the two classes look like after 100 steps? After 6000?

# %% tags=["experiment"]
rng = np.random.default_rng(0)
model, loss, losses = mlp(rng), my.SoftmaxCrossEntropy(), []
side = np.linspace(-2.4, 2.4, 121)
grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
pictures = []
for steps in (0, 100, 900, 5000):
    losses += my.train(model, loss, points, lr=0.3, batch_size=32, steps=steps, rng=rng)
    z = model.forward(grid)
    right = model.forward(held_out[0]).argmax(axis=1) == held_out[1]
    pictures.append((len(losses), 1 / (1 + np.exp(z[:, 0] - z[:, 1])), right.mean()))

# %% tags=["experiment"]
with course_style():
    fig, axes = plt.subplots(1, 4, figsize=(14, 4.1), sharey=True)
    for ax, (steps, p, right) in zip(axes, pictures):
        ax.contourf(side, side, p.reshape(121, 121), levels=np.linspace(0, 1, 11), cmap="PuOr_r", alpha=0.5)
        for k, mark, colour in ((0, "o", "#4b2e83"), (1, "^", "#8c4a00")):
            ax.plot(*points[0][points[1] == k].T, mark, ms=3.5, color=colour)
        ax.set(title=f"{steps} steps\n{100 * right:.0f} % right on new points", aspect="equal", xticks=[], yticks=[])
        ax.grid(False)
    fig.tight_layout()
    plt.show()

# %% [markdown]
# **Read it:** purple ground is where the model expects class 0 (dots), orange where it expects class 1 (triangles),
# white where it can't decide. The loss fell from about $\ln 2 = 0.69$, a coin toss, to nearly nothing; nobody told
# the model what a spiral is. Try `width=4`, or take out the `Tanh`s: what is left of it?
#
# **Break it:** the same training without line 2, so old gradients are never cleared.


# %% tags=["break-it"]
rng, broken = np.random.default_rng(0), []
model = mlp(rng)
while len(broken) < 1000:
    for inputs, targets in my.minibatches(points, 32, rng):
        broken.append(loss.forward(model.forward(inputs), targets))
        model.backward(loss.backward())
        my.sgd_step(model.params, model.grads, 0.3)
for name, curve in (("cleared", losses), ("never cleared", broken)):
    first, last = np.mean(curve[:100]), np.mean(curve[900:1000])
    print(f"{name:14} mean loss of steps 1 to 100: {first:.2f}   of steps 901 to 1000: {last:.2f}")

# %% [markdown]
# Each step still pulls in all the directions of the past, like a sledge that never stops. There is no error message,
# only a loss that doesn't fall.
#
# ## 12. Experiment: how noisy is a mini-batch?
#
# For one fixed model, compare the gradient of a mini-batch with that of all 400 points. **Predict:** with four times
# as many examples, how much closer do you get?


# %%
def gradient(model, loss, inputs, targets):
    """All gradients of the model on this batch, as one long vector."""
    for g in model.grads.values():
        g[...] = 0
    loss.forward(model.forward(inputs), targets)
    model.backward(loss.backward())
    return np.concatenate([g.ravel() for g in model.grads.values()])


# %% tags=["experiment"]
rng, loss = np.random.default_rng(0), my.SoftmaxCrossEntropy()
model = mlp(rng)
everything = gradient(model, loss, *points)
sizes, distances = 2 ** np.arange(9), []
for B in sizes:
    batches = [next(my.minibatches(points, B, rng)) for _ in range(60)]
    squared = [np.sum((gradient(model, loss, *batch) - everything) ** 2) for batch in batches]
    distances.append(np.sqrt(np.mean(squared)))
curves = {}
for B in (1, 16, 400):
    rng = np.random.default_rng(0)
    curves[B] = my.train(mlp(rng), loss, points, lr=0.03, batch_size=B, steps=2000, rng=rng)

# %% tags=["experiment"]
with course_style():
    fig, axes = plt.subplots(1, 2, figsize=(13, 4.4))
    axes[0].plot(sizes, distances, "o", label="measured")
    axes[0].plot(sizes, distances[0] / np.sqrt(sizes), "--", label=r"$\propto 1/\sqrt{B}$")
    axes[0].set(title="Distance to the full gradient", xlabel="batch size $B$")
    axes[0].set_xscale("log", base=2)
    axes[0].set_yscale("log")
    for B, curve in curves.items():
        smooth = np.convolve(curve, np.ones(50) / 50, "valid")
        (line,) = axes[1].plot(smooth, label=f"B = {B}", zorder=3)
        axes[1].plot(curve, lw=0.5, alpha=0.3, color=line.get_color())
    axes[1].set(title="Loss while training (thick: mean of 50 steps)", xlabel="step", ylim=(0, 2))
    for ax in axes:
        ax.legend()
    fig.tight_layout()
    plt.show()

# %% [markdown]
# **Read it:** four times the examples, half the distance, as for any mean of random things. (At the right end it is
# smaller still, because a batch that holds most of the data can't differ much from it.) On the right, single examples
# jump about; a batch of 16 is nearly as steady as the full 400 at a twenty-fifth of the price. That bargain is why
# every model in this course is trained on mini-batches.
#
# ## 13. Experiment: a language model without counting
#
# Here are the eight sentences of unit 01. Each word must predict the next, so the inputs are the ids of words, and
# the targets are the ids of the words that follow. The model: a table of vectors, then a `Linear` to one logit for
# each word.

# %%
sentences = """narwhals are big cousins of the beluga .
nobody knows what the narwhals are hiding under the ice .
wake up , narwhals are coming into the bay !
i promise that narwhals are friendly .
narwhals are a kind of small whale .
to a cod , narwhals are a bad surprise .
most people think narwhals are big fish .
some narwhals are generated by a grammar ."""
marked = [["<bos>", *line.split(), "<eos>"] for line in sentences.split("\n")]
vocab = sorted({word for line in marked for word in line})
inputs = np.array([vocab.index(word) for line in marked for word in line[:-1]])
targets = np.array([vocab.index(word) for line in marked for word in line[1:]])
words = (inputs, targets)
print(len(vocab), "words,", len(inputs), "pairs")

# %% [markdown]
# **Predict:** counting gives the best bigram model there is for these sentences. Can gradient descent beat it? Will it
# reach it?

# %%
counts = np.zeros((len(vocab), len(vocab)))
np.add.at(counts, words, 1)
shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
floor = -np.log(shares[words]).mean()  # nats per word, of the model that counted
print(f"by counting: {floor:.3f} nats per word; knowing nothing: {np.log(len(vocab)):.3f}")

# %% tags=["experiment"]
rng = np.random.default_rng(0)
bigram = my.Sequential([my.Embedding(len(vocab), 24, rng), my.Linear(24, len(vocab), rng)])
learned = my.train(bigram, my.SoftmaxCrossEntropy(), words, lr=2.0, batch_size=len(inputs), steps=1500, rng=rng)
with course_style():
    fig, ax = plt.subplots(figsize=(8, 4))
    ax.plot(np.arange(1, 1501), learned, label="by gradient descent")
    ax.axhline(floor, ls="--", color="#d55e00", label="by counting: the floor")
    ax.set(xscale="log", xlabel="step", ylabel="nats per word", ylim=(0, None), title="A bigram model learns")
    ax.legend()
    plt.show()

# %% tags=["experiment"]
logits = bigram.forward(np.array([vocab.index("are")]))[0]
p = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
for j in np.argsort(-p)[:7]:
    print(f"p({vocab[j]:9} | are)   learned {p[j]:.3f}   counted {shares[vocab.index('are'), j]:.3f}")

# %% [markdown]
# **Read it:** the loss comes down to the counting model's, never below it, and the learned probabilities are the
# counted ones: 2/8 for *a* and *big*, 1/8 for the others. So far we have gained nothing. But a table of counts is the
# end of the road, and this model is not: give it more words of context, share vectors between words, put layers in
# between. That is unit 03, and nothing in the training loop will change.
#
# ## What to take with you
#
# 1. **Backpropagation is the chain rule, with the shared parts computed once.** A module needs only what arrives from
#    behind, and what it remembers from the forward pass.
# 2. **Blame adds up**: over the paths, over the examples of a batch, over the positions of a word. So gradients are
#    added, and must be cleared before each step.
# 3. **Check with a witness.** A wrong gradient gives no error message, only a loss that doesn't fall.
#
# **Papers.** Rumelhart, Hinton and Williams (1986), *Learning representations by back-propagating errors*. Robbins and
# Monro (1951), *A stochastic approximation method*. Baydin et al. (2018), *Automatic differentiation in machine
# learning: a survey*.
#
# **Next:** unit 03 gives a neural language model more than one word to look at. From there on, PyTorch writes the
# `backward`s; you know what it writes.
