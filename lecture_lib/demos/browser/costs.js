// What a model's shape, data and hardware come to; as Python's model_calculator has it.

const PETAFLOP_DAY = 1e15 * 86400,
  TRAINING_BYTES = 16;

/** The number of parameters of each part, as Python's `parameters`. */
export function parameters({
  n_layers: L,
  d_model: d,
  n_heads,
  n_kv_heads,
  d_ff,
  vocab_size,
  block_size,
  llama,
  tied_head,
}) {
  const bias = llama ? 0 : 1,
    d_kv = (n_kv_heads * d) / n_heads,
    into = llama ? 2 : 1;
  return {
    embedding: vocab_size * d,
    positions: llama ? 0 : block_size * d,
    attention: L * (d + bias) * (2 * d + 2 * d_kv),
    "feed-forward": L * ((into + 1) * d * d_ff + bias * (d_ff + d)),
    norms: (2 * L + 1) * d * (1 + bias),
    head: tied_head ? 0 : vocab_size * d,
  };
}

/** All that is shown, as Python's `compute`. */
export function cost(model) {
  const {
    n_layers: L,
    d_model: d,
    block_size: T,
    n_heads,
    n_kv_heads,
    n_tokens,
    batch,
    bytes,
    peak,
    utilisation,
    gpus,
  } = model;
  const parts = parameters(model);
  const n_params = Object.values(parts).reduce((sum, n) => sum + n, 0);
  const flops = 6 * n_params * n_tokens,
    token = 2 * L * n_kv_heads * (d / n_heads) * bytes;
  return {
    parts,
    n_params,
    flops,
    petaflop_days: flops / PETAFLOP_DAY,
    attention_share: (2 * L * d * T) / n_params,
    tokens_per_parameter: n_tokens / n_params,
    steps: n_tokens / (batch * T),
    seconds: flops / (peak * 1e12 * utilisation * gpus),
    weights: n_params * bytes,
    cache_token: token,
    cache_text: token * T,
    cache_batch: token * T * batch,
    inference: n_params * bytes + token * T * batch,
    training_state: TRAINING_BYTES * n_params,
    activations_text: L * T * d * (34 + (5 * n_heads * T) / d),
  };
}

/** Three digits and a unit: 124M, 3.15e23 beyond the units. */
export function brief(
  value,
  units = [
    [1e12, "T"],
    [1e9, "B"],
    [1e6, "M"],
    [1e3, "k"],
  ],
) {
  if (value >= 1e15) return value.toExponential(2).replace("e+", "e");
  const [unit, name] = units.find(([least]) => value >= Number(least) * 0.9995) ?? [1, ""];
  return `${Number((value / Number(unit)).toPrecision(3))}${name}`;
}

export const plain = (value) => Number(value.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });

export const inBytes = (value) =>
  brief(value, [
    [1e12, " TB"],
    [1e9, " GB"],
    [1e6, " MB"],
    [1e3, " kB"],
    [1, " bytes"],
  ]);

/** A time in the unit that a person would take. */
export function duration(seconds) {
  const units = [
    [365.25 * 86400, "years"],
    [86400, "days"],
    [3600, "hours"],
    [60, "minutes"],
    [1, "seconds"],
  ];
  const [unit, name] = units.find(([least]) => seconds >= 2 * Number(least)) ?? [1, "seconds"];
  return `${plain(seconds / Number(unit))} ${name}`;
}
