"""Wrong answers that students give in unit 13_scaling, each with the hint that it earns."""

import torch

from lecture_lib.checking.bank import misconception, wrong_choice


# --- polls

fifty_for_the_smallest = wrong_choice(
    "whose_fifty",
    "A",
    "You chose the smallest of the eight. Six operations for each of its parameters and each token: does that come to "
    "50 days, or to two or three?",
    name="the_smallest",
)
fifty_for_thirteen = wrong_choice(
    "whose_fifty",
    "C",
    "That one took more than five times as much. Start from the other end: 50 days are how many operations, and how "
    "many parameters pay for them with 300 billion tokens?",
    name="one_too_large",
)
fifty_for_the_largest = wrong_choice(
    "whose_fifty",
    "D",
    "The lecture's slide says GPT-3 beside the figure, and eight models bear that name. 6 times 175 billion times 300 "
    "billion: how many times 8.64e19 is that?",
    name="the_name_on_the_slide",
)
longer_needs_parameters = wrong_choice(
    "twice_as_long",
    "A",
    "You let the model grow with what it reads. Which matrix of unit 09 gets a row more because a text is longer, as "
    "long as it fits the block?",
    name="the_model_grows",
)
longer_fills_the_cache = wrong_choice(
    "twice_as_long",
    "B",
    "The cache does grow. But each token puts its own key and value there, once: does a token leave more behind "
    "because others came before it?",
    name="the_cache_grows_with_pairs",
)
longer_feeds_more = wrong_choice(
    "twice_as_long",
    "D",
    "The feed-forward takes most of the operations, but it looks at each token by itself: how many times does it run "
    "for T tokens, and how many for 2T?",
    name="feed_forward_in_pairs",
)
flash_saves_products = wrong_choice(
    "what_flash_saves",
    "A",
    "You let it skip products. Go through your two loops with 4 tokens and tiles of 2: which pair of a query and a key "
    "never meets?",
    name="fewer_products",
)
flash_is_approximate = wrong_choice(
    "what_flash_saves",
    "B",
    "You take it for an approximation. What did the cell say that compared its result with plain attention, and which "
    "weight did your loops ever leave out?",
    name="nearly_the_same",
)
flash_saves_the_cache = wrong_choice(
    "what_flash_saves",
    "C",
    "You mix up two memories. Keys and values are what goes into the function: does it get fewer of them than plain "
    "attention does?",
    name="fewer_keys",
)
mixture_keeps_two = wrong_choice(
    "mixture_bill",
    "B",
    "You keep only the two experts that this token asks. The next one may ask two others: where do they wait?",
    name="only_the_asked_are_kept",
)
mixture_runs_all = wrong_choice(
    "mixture_bill",
    "C",
    "You send every token through all eight networks. Look at the loop in Mixture: which tokens does an expert get to "
    "read?",
    name="all_experts_run",
)
mixture_for_free = wrong_choice(
    "mixture_bill",
    "D",
    "Weights that sum to 1 keep the output at its size. But what has to be computed before it can be weighed, and how "
    "often?",
    name="weights_make_it_cheap",
)
fits_by_halving_the_text = wrong_choice(
    "does_not_fit",
    "A",
    "Each of your GPUs reads less text now. And how much of the model does it hold, compared with before?",
    name="a_copy_on_each",
)
fits_by_small_batches = wrong_choice(
    "does_not_fit",
    "B",
    "A smaller batch makes the activations smaller. Do weights, gradients and Adam's means know how many texts were "
    "read?",
    name="smaller_batches",
)
fits_by_tiles = wrong_choice(
    "does_not_fit",
    "D",
    "You save the room that scores would take. Read the question again: which three things make up the 120 GB?",
    name="scores_do_not_fit",
)


# --- count_params


head_of_its_own = misconception(
    "count_params",
    "You are too high by exactly vocab_size d_model. The head compares the stream with every word's vector: where "
    "does this model keep those vectors?",
    change=("embeddings +", "2 * config.vocab_size * d + config.block_size * d +"),
)


@misconception(
    "count_params",
    "Your count grows with n_heads. Heads are slices of the columns of W_q, W_k and W_v: does cutting a matrix into "
    "slices add numbers to it?",
)
def every_head_a_whole_matrix(config, attention_bias=False):
    d, d_ff = config.d_model, config.d_ff
    block = 4 * d * attention_bias + config.n_heads * 3 * d * d + d * d + 2 * d * d_ff + d_ff + d + 4 * d
    return (config.vocab_size + config.block_size) * d + config.n_layers * block + 2 * d


@misconception(
    "count_params",
    "Where the feed-forward is four times as wide as the stream you are right, elsewhere you are not. What does the "
    "config say about that width?",
)
def always_four_times_as_wide(config, attention_bias=False):
    d = config.d_model
    block = 4 * d * attention_bias + 4 * d * d + 8 * d * d + 5 * d + 4 * d
    return (config.vocab_size + config.block_size) * d + config.n_layers * block + 2 * d


@misconception(
    "count_params",
    "You are too high by 4 d_model in each layer. Look at how unit 06 makes its four matrices: what did "
    "`bias=False` leave out?",
)
def biases_in_attention_too(config, attention_bias=False):
    d, d_ff = config.d_model, config.d_ff
    block = 4 * (d * d + d) + 2 * d * d_ff + d_ff + d + 4 * d
    return (config.vocab_size + config.block_size) * d + config.n_layers * block + 2 * d


without_the_positions = misconception(
    "count_params",
    "Make block_size larger and your count stays the same. Which table has a row for each place of a text?",
    change=("embeddings +", "config.vocab_size * d +"),
)

matrices_only = misconception(
    "count_params",
    "You have counted the matrices and nothing else: you are too low by a few vectors in each layer and one pair at "
    "the end. What else does a LayerNorm, and what does a Linear with its bias, learn?",
    change=("(attention + feed_forward + 2 * norm) + norm", "(4 * d * d + 2 * d * config.d_ff)"),
)


# --- training_flops


forward_only = misconception(
    "training_flops",
    "You are at a third of the right number: that is what it costs to read the text. What comes after the forward "
    "pass in training, and how many products does it need for each of the forward's?",
    change=("6 * n_params", "2 * n_params"),
)

backward_like_forward = misconception(
    "training_flops",
    "You let the backward pass cost as much as the forward. In unit 02, how many gradients did a Linear layer compute "
    "on the way back, and what did each one multiply?",
    change=("6 * n_params * n_tokens", "2 * (2 * n_params * n_tokens)"),
)

multiply_add_is_one = misconception(
    "training_flops",
    "You are at half of the right number. A weight is multiplied by an input, and then something is done with the "
    "product: how many operations are that?",
    change=("6 * n_params", "3 * n_params"),
)

of_one_token = misconception(
    "training_flops",
    "Your number is that of a single token: it doesn't change with n_tokens. How often is every weight used while "
    "the whole text is read?",
    change=(" * n_tokens", ""),
)


# --- petaflop_days


in_seconds = misconception(
    "petaflop_days",
    "You have divided by 10^15. How long would the machine run then, and in what unit of time?",
    change=("flops / (1e15 * 24 * 60 * 60)", "flops / 1e15"),
)

in_hours = misconception(
    "petaflop_days",
    "Your number is too large by a factor of 24. Which unit of time has 3600 seconds?",
    change=("1e15 * 24 * 60 * 60", "1e15 * 3600"),
)

teraflops = misconception(
    "petaflop_days",
    "Your number is a thousand times too large. Mega, giga, tera: which power of ten comes after these?",
    change=("1e15 * 24", "1e12 * 24"),
)

upside_down = misconception(
    "petaflop_days",
    "The more there is to compute, the fewer days you find. Which of your two numbers is divided by the other?",
    change=("flops / (1e15 * 24 * 60 * 60)", "1e15 * 86_400 / flops"),
)


# --- online_softmax


@misconception(
    "online_softmax",
    "With one block all is right. When a later block brings a larger maximum, what you have summed so far was "
    "measured from the old one: what do you do with it?",
)
def old_sums_left_as_they_are(blocks):
    m, total, mean = -torch.inf, 0.0, 0.0
    for scores, values in blocks:
        m = max(m, scores.max())
        e = (scores - m).exp()
        total, mean = total + e.sum(), mean + e @ values
    return mean / total


@misconception(
    "online_softmax",
    "Your weights do not sum to 1: give every value the same vector, and another one comes out. Two running sums were "
    "measured from the old maximum; which of them have you corrected?",
)
def corrects_the_total_only(blocks):
    m, total, mean = torch.tensor(-torch.inf, dtype=torch.float64), 0.0, 0.0
    for scores, values in blocks:
        old, m = m, torch.maximum(m, scores.max())
        e = (scores - m).exp()
        total, mean = total * (old - m).exp() + e.sum(), mean + e @ values
    return mean / total


@misconception(
    "online_softmax",
    "Small scores are right; with scores of a thousand you find nan. What is exp(1000) on this machine, and what did "
    "unit 05 subtract before it?",
)
def without_a_maximum(blocks):
    total, mean = 0.0, 0.0
    for scores, values in blocks:
        e = scores.exp()
        total, mean = total + e.sum(), mean + e @ values
    return mean / total


@misconception(
    "online_softmax",
    "You measure everything from the first block's maximum. That is harmless until a later score is larger by a "
    "thousand: what would the exponential have to hold then?",
)
def keeps_the_first_maximum(blocks):
    m, total, mean = None, 0.0, 0.0
    for scores, values in blocks:
        m = scores.max() if m is None else m
        e = (scores - m).exp()
        total, mean = total + e.sum(), mean + e @ values
    return mean / total


@misconception(
    "online_softmax",
    "Every block has the same say in your result, whether its scores are high or low, and whether it holds one score "
    "or ten. Over how many blocks should the weights sum to 1?",
)
def mean_of_the_blocks(blocks):
    means = [torch.softmax(scores, 0) @ values for scores, values in blocks]
    return torch.stack(means).mean(0)


@misconception(
    "online_softmax",
    "Your numbers are right, and every block was still in memory when the last one came: with a text of a million "
    "tokens there is no room for that. What do you have to keep of a block once it has been added?",
)
def collects_them_first(blocks):
    scores, values = zip(*blocks)
    return torch.softmax(torch.cat(scores), 0) @ torch.cat(values)


never_divides = misconception(
    "online_softmax",
    "Your vector is too long, always in the right direction. You have kept the total of the exponentials: what is it "
    "for, once the last block has been read?",
    change=(" / total", ""),
)


# --- flash_attention


@misconception(
    "flash_attention",
    "Your weights are too sharp, the more so the wider the heads. What does unit 05 divide the products of queries "
    "and keys by?",
)
def without_the_root(Q, K, V, block):
    out = []
    for q in Q.split(block):
        m, total, mean = torch.full((len(q), 1), -torch.inf, dtype=Q.dtype), 0.0, 0.0
        for k, v in zip(K.split(block), V.split(block)):
            S = q @ k.T
            old, m = m, torch.maximum(m, S.amax(1, keepdim=True))
            e = (S - m).exp()
            total, mean = total * (old - m).exp() + e.sum(1, keepdim=True), mean * (old - m).exp() + e @ v
        out.append(mean / total)
    return torch.cat(out)


@misconception(
    "flash_attention",
    "Each of your tiles has weights that sum to 1, so a row of two tiles has 2. Over which keys does the softmax of "
    "one query run?",
)
def a_softmax_for_each_tile(Q, K, V, block):
    out = []
    for q in Q.split(block):
        tiles = zip(K.split(block), V.split(block))
        out.append(sum(torch.softmax(q @ k.T / Q.shape[1] ** 0.5, dim=1) @ v for k, v in tiles))
    return torch.cat(out)


@misconception(
    "flash_attention",
    "The first queries see the first keys, the next ones the next: far neighbours never meet. How many tiles of keys "
    "must a tile of queries go through?",
)
def only_the_diagonal(Q, K, V, block):
    out = []
    for start in range(0, len(Q), block):
        where = min(start, (len(K) - 1) // block * block)
        q, k, v = Q[start : start + block], K[where : where + block], V[where : where + block]
        out.append(torch.softmax(q @ k.T / Q.shape[1] ** 0.5, dim=1) @ v)
    return torch.cat(out)


@misconception(
    "flash_attention",
    "Right as long as the keys divide evenly into tiles. Count with 7 keys and tiles of 3: which key does no tile of "
    "yours hold?",
)
def loses_the_last_keys(Q, K, V, block):
    out, whole = [], max(len(K) // block * block, min(block, len(K)))
    for q in Q.split(block):
        m, total, mean = torch.full((len(q), 1), -torch.inf, dtype=Q.dtype), 0.0, 0.0
        for k, v in zip(K[:whole].split(block), V[:whole].split(block)):
            S = q @ k.T / Q.shape[1] ** 0.5
            old, m = m, torch.maximum(m, S.amax(1, keepdim=True))
            e = (S - m).exp()
            total, mean = total * (old - m).exp() + e.sum(1, keepdim=True), mean * (old - m).exp() + e @ v
        out.append(mean / total)
    return torch.cat(out)


@misconception(
    "flash_attention",
    "All your numbers are right, but all T_q times T_k scores were in memory at once to get them. What is a tile "
    "good for if the whole matrix has been made anyway?",
)
def makes_the_whole_matrix(Q, K, V, block):
    return torch.softmax(Q @ K.T / Q.shape[1] ** 0.5, dim=1) @ V


@misconception(
    "flash_attention",
    "All your numbers are right, but some query meets all keys at once. With 100,000 keys that is a row of 100,000 "
    "scores. Where does your code cut K and V into tiles, and what must it carry from one tile to the next?",
)
def all_keys_at_once(Q, K, V, block):
    return torch.cat([torch.softmax(q @ K.T / Q.shape[1] ** 0.5, dim=1) @ V for q in Q.split(block)])


@misconception(
    "flash_attention",
    "Ordinary scores are right, large ones give nan. Your tiles add up exponentials as they are: from what did "
    "online_softmax measure its scores, and why?",
)
def tiles_without_a_maximum(Q, K, V, block):
    out = []
    for q in Q.split(block):
        total, mean = 0.0, 0.0
        for k, v in zip(K.split(block), V.split(block)):
            e = (q @ k.T / Q.shape[1] ** 0.5).exp()
            total, mean = total + e.sum(1, keepdim=True), mean + e @ v
        out.append(mean / total)
    return torch.cat(out)


# --- kv_cache_bytes


@misconception(
    "kv_cache_bytes",
    "You are at half of the right number. Which two things does a new token's query need of every token before it?",
)
def keys_only(config, T, batch, bytes_per_number=2):
    d_k = config.d_model // config.n_heads
    return config.n_layers * config.n_kv_heads * d_k * T * batch * bytes_per_number


@misconception(
    "kv_cache_bytes",
    "Right where every head has keys of its own, too high where several heads share theirs. Which field of the config "
    "counts those that are kept?",
)
def keys_for_every_head(config, T, batch, bytes_per_number=2):
    return 2 * config.n_layers * config.d_model * T * batch * bytes_per_number


@misconception(
    "kv_cache_bytes",
    "You keep what one layer needs. Can the second layer attend with the keys of the first?",
)
def of_one_layer(config, T, batch, bytes_per_number=2):
    d_k = config.d_model // config.n_heads
    return 2 * config.n_kv_heads * d_k * T * batch * bytes_per_number


@misconception(
    "kv_cache_bytes",
    "Your number doesn't change with T. The model could read block_size tokens: how many has it read here?",
)
def of_a_full_block(config, T, batch, bytes_per_number=2):
    d_k = config.d_model // config.n_heads
    return 2 * config.n_layers * config.n_kv_heads * d_k * config.block_size * batch * bytes_per_number


always_two_bytes = misconception(
    "kv_cache_bytes",
    "With 2 bytes a number you are right; with 1 or 4 you give the same as before. Where does your code read its last "
    "argument?",
    change=("of_a_token * T * batch * bytes_per_number", "of_a_token * T * batch * 2"),
)


# --- quantize


one_scale_for_all = misconception(
    "quantize",
    "Your scale is one number for the whole matrix, so a row of small weights has to live on a few steps. How many "
    "scales does the docstring ask for?",
    change=("dim=1, keepdim=True", ""),
)

a_scale_for_each_column = misconception(
    "quantize",
    "You have a scale for each column. Whose outputs should be recovered by one multiplication after the product: "
    "which axis of W are those?",
    change=("dim=1", "0"),
)

cuts_the_fraction_off = misconception(
    "quantize",
    "None of your integers is farther from 0 than it should be, and about half are nearer. What does .to(torch.int8) "
    "do with 41.9?",
    change=("q = torch.round(W / scale).to(torch.int8)\nreturn q, scale", "return (W / scale).to(torch.int8), scale"),
)

largest_with_its_sign = misconception(
    "quantize",
    "Rows are right whose weight of largest size is positive. Where it is negative, your integers run over the end: "
    "is -5 larger or smaller than 2 for `max`, and for you?",
    change=[("abs().", ""), ("torch.where(scale == 0, 1.0, scale)", "torch.where(scale > 0, scale, 1.0)")],
)


@misconception(
    "quantize",
    "A row of zeros gets a scale of 0. What is 0/0, and which scale would serve such a row as well as any other?",
)
def zeros_by_zero(W):
    scale = W.abs().amax(1, keepdim=True) / 127
    return (W / scale).round().to(torch.int8), scale


still_floats = misconception(
    "quantize",
    "Your integers are integers in value only: each still takes as many bytes as a weight. Which dtype saves the "
    "memory?",
    change=("torch.int8", ""),
)


# --- dequantize


divides_again = misconception(
    "dequantize",
    "Your weights come back enormous. `quantize` has divided by the scale: what undoes a division?",
    change=("q.to(scale.dtype) * scale", "q / scale"),
)

integers_as_floats = misconception(
    "dequantize",
    "You give back the integers themselves, as floats. How long is one step of a row?",
    change=(" * scale", ""),
)

rounds_the_weights = misconception(
    "dequantize",
    "Your weights are all whole numbers. They were rounded once, as multiples of the scale: are weights like 0.03 "
    "still there after you have rounded again?",
    change=("q.to(scale.dtype) * scale", "(q.to(scale.dtype) * scale).round()"),
)

scale_is_the_largest = misconception(
    "dequantize",
    "Your weights are 127 times too small. Is the scale the largest weight of a row, or the length of one step?",
    change=("q.to(scale.dtype)", "q / 127"),
)


# --- distillation_loss


@misconception(
    "distillation_loss",
    "Right until the logits lie far apart: a probability is rounded to 0 then, and has no logarithm. Which function of "
    "torch gives log-probabilities without making the probabilities first?",
)
def logarithm_of_a_softmax(logits, teacher_logits, temperature):
    p = torch.softmax(teacher_logits.detach() / temperature, -1)
    q = torch.softmax(logits / temperature, -1)
    return temperature**2 * (p * (p / q).log()).sum(-1).mean()


@misconception(
    "distillation_loss",
    "At temperature 1 you are right; at T you are too small by T squared. Soft logits have gradients smaller by as "
    "much: what does the formula multiply by, to keep them of one size?",
)
def without_the_square(logits, teacher_logits, temperature):
    student = torch.log_softmax(logits / temperature, -1)
    teacher = torch.log_softmax(teacher_logits.detach() / temperature, -1)
    return (teacher.exp() * (teacher - student)).sum(-1).mean()


student_first = misconception(
    "distillation_loss",
    "Your divergence runs the other way: it asks what the student believes, and forgives it for what it never says. "
    "Whose probabilities come before the logarithms in the formula?",
    change=[("teacher_logits.detach()", "logits"), ("logits / temperature", "teacher_logits.detach() / temperature")],
)


@misconception(
    "distillation_loss",
    "Let the student have the teacher's own logits: your loss isn't 0, except at temperature 1. Which of the two do "
    "you soften?",
)
def softens_the_teacher_only(logits, teacher_logits, temperature):
    student = torch.log_softmax(logits, -1)
    teacher = torch.log_softmax(teacher_logits.detach() / temperature, -1)
    return temperature**2 * (teacher.exp() * (teacher - student)).sum(-1).mean()


@misconception(
    "distillation_loss",
    "You are too small by the size of the vocabulary. One position gives one divergence, a sum over all words: over "
    "what is the mean taken?",
)
def mean_over_the_words_too(logits, teacher_logits, temperature):
    student = torch.log_softmax(logits / temperature, -1)
    teacher = torch.log_softmax(teacher_logits.detach() / temperature, -1)
    return temperature**2 * (teacher.exp() * (teacher - student)).mean()


@misconception(
    "distillation_loss",
    "Right for one text, too large for a batch: you divide by the number of texts. How many positions of a batch have "
    "a distribution of their own?",
)
def divides_by_the_texts(logits, teacher_logits, temperature):
    student = torch.log_softmax(logits / temperature, -1)
    teacher = torch.log_softmax(teacher_logits.detach() / temperature, -1)
    return temperature**2 * torch.nn.functional.kl_div(student, teacher, reduction="batchmean", log_target=True)


@misconception(
    "distillation_loss",
    "A student that agrees with its teacher in everything still pays: the teacher's own entropy is in your loss. "
    "Which logarithm of the formula have you left out?",
)
def cross_entropy_alone(logits, teacher_logits, temperature):
    student = torch.log_softmax(logits / temperature, -1)
    teacher = torch.softmax(teacher_logits.detach() / temperature, -1)
    return -(temperature**2) * (teacher * student).sum(-1).mean()


@misconception(
    "distillation_loss",
    "The loss is right, but it pulls at both models: your teacher gets a gradient, and learns to agree. What cuts a "
    "tensor off from the graph?",
)
def teacher_learns_too(logits, teacher_logits, temperature):
    student = torch.log_softmax(logits / temperature, -1)
    teacher = torch.log_softmax(teacher_logits / temperature, -1)
    return temperature**2 * (teacher.exp() * (teacher - student)).sum(-1).mean()


# --- top_k_route


@misconception(
    "top_k_route",
    "Your weights sum to less than 1: the experts that were not chosen have kept their shares. Over which scores does "
    "the softmax run here?",
)
def shares_of_all_experts(logits, k):
    weights, experts = torch.softmax(logits, dim=-1).topk(k)
    return experts, weights


@misconception(
    "top_k_route",
    "The right experts, in the wrong order: the last of yours is the best. In which direction does a sort run unless "
    "it is told otherwise?",
)
def best_last(logits, k):
    experts = logits.argsort(dim=-1)[..., -k:]
    return experts, torch.softmax(logits.gather(-1, experts), dim=-1)


equal_shares = misconception(
    "top_k_route",
    "Your experts all have the same weight, and then the router learns nothing from how sure it was. What did the "
    "scores say about the first and the second?",
    change=("torch.softmax(chosen, dim=-1)", "torch.full(experts.shape, 1 / k, dtype=logits.dtype)"),
)

softmax_over_the_tokens = misconception(
    "top_k_route",
    "A token by itself gives each of its experts the weight 1; in a text your weights sum to 1 down the tokens. Along "
    "which axis does the mixture of one token lie?",
    change=("torch.softmax(chosen, dim=-1)", "torch.softmax(chosen, dim=0)"),
)

scores_over_their_sum = misconception(
    "top_k_route",
    "You divide scores by their sum. Scores may be negative, and so are some of your weights: what makes any scores "
    "positive first?",
    change=("torch.softmax(chosen, dim=-1)", "chosen / chosen.sum(-1, keepdim=True)"),
)


# --- all_reduce_gradients


sum_of_the_workers = misconception(
    "all_reduce_gradients",
    "Your gradients grow with the number of workers, as if the learning rate did. all_reduce has added them up: what "
    "makes a mean of a sum?",
    change=("p.grad /= n_workers", "pass"),
)


@misconception(
    "all_reduce_gradients",
    "A parameter without a gradient here may have one elsewhere, and the others wait for this worker to take part. "
    "What can a worker contribute that has nothing to say?",
)
def skips_what_has_none(model, n_workers, all_reduce):
    for p in model.parameters():
        if p.grad is not None:
            all_reduce(p.grad)
            p.grad /= n_workers


@misconception(
    "all_reduce_gradients",
    "The mean has been computed and thrown away: every p.grad is still this worker's own. all_reduce changes the "
    "tensor that it is given: which one was that?",
)
def means_of_a_copy(model, n_workers, all_reduce):
    for p in model.parameters():
        grad = torch.zeros_like(p) if p.grad is None else p.grad.clone()
        all_reduce(grad)
        grad /= n_workers


@misconception(
    "all_reduce_gradients",
    "You have averaged the weights and left the gradients alone. All workers hold the same weights to begin with: "
    "what do they disagree about?",
)
def averages_the_weights(model, n_workers, all_reduce):
    with torch.no_grad():
        for p in model.parameters():
            p.grad = torch.zeros_like(p) if p.grad is None else p.grad
            all_reduce(p)
            p /= n_workers


@misconception(
    "all_reduce_gradients",
    "Your gradients are too small by the number of workers. Once before the sum or once after it would do: how often "
    "do you divide?",
)
def divides_twice(model, n_workers, all_reduce):
    for p in model.parameters():
        p.grad = torch.zeros_like(p) if p.grad is None else p.grad / n_workers
        all_reduce(p.grad)
        p.grad /= n_workers
