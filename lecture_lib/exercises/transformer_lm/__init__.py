"""Unit 09_transformer_lm: what is asked of a student's batches, model, loss, optimiser, training and checkpoints.

Covers a decoder with learned positions and a tied head, AdamW (Loshchilov and Hutter 2019) and a warm-up with a cosine.
All is in float64 on the processor. The exercises stand here in the order of the lesson.
"""

# ruff: noqa: F401, I001 - the order of these lines is the order of the exercises
from lecture_lib.exercises.transformer_lm.batches import probe_pad_and_truncate, who_sees_pad, probe_get_batch
from lecture_lib.exercises.transformer_lm.model import probe_transformer_lm, probe_lm_loss
from lecture_lib.exercises.transformer_lm.training import (
    probe_adamw_step,
    probe_lr_at,
    probe_train,
    probe_evaluate,
    two_batches,
)
from lecture_lib.exercises.transformer_lm.checkpoints import (
    probe_save_checkpoint,
    probe_load_checkpoint,
    micro_batches,
)
