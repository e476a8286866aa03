"""Unit 11_pretrained: what is asked of a student's norm, attention, feed-forward, loading, scoring and fine-tuning.

Torch tensors in float64 where numbers are compared. No real weights are needed: models here are small, drawn from the
generator, and read by the names that the lesson prescribes. The exercises stand here in the order of the lesson.
"""

# ruff: noqa: F401, I001 - the order of these lines is the order of the exercises
from lecture_lib.exercises.pretrained.parts import probe_rms_norm, probe_grouped_query_attention
from lecture_lib.exercises.pretrained.parts import grouped_cache, probe_swiglu
from lecture_lib.exercises.pretrained.loading import probe_load_weights
from lecture_lib.exercises.pretrained.asking import probe_score_label, probe_few_shot_prompt, comparable_models
from lecture_lib.exercises.pretrained.tuning import probe_lora_linear, lora_size, probe_finetune
from lecture_lib.exercises.pretrained.asking import probe_bias_gap, what_the_gap_says
