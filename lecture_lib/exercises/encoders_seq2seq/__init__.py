"""Unit 12_encoders_seq2seq: what is asked of a student's encoder, masked tokens, attention, decoder and translator.

Torch tensors in float64 where numbers are compared. Modules are given weights drawn here by the names that the lesson
prescribes. The exercises stand here in the order of the lesson.
"""

# ruff: noqa: F401, I001 - the order of these lines is the order of the exercises
from lecture_lib.exercises.encoders_seq2seq.encoder import who_sees_what, probe_encoder_block
from lecture_lib.exercises.encoders_seq2seq.encoder import why_keep_some, probe_mask_tokens, probe_masked_lm
from lecture_lib.exercises.encoders_seq2seq.translator import bottleneck, probe_additive_attention
from lecture_lib.exercises.encoders_seq2seq.translator import teacher_forcing, probe_shift_right
from lecture_lib.exercises.encoders_seq2seq.translator import probe_decoder_block, probe_seq2seq, probe_translate
