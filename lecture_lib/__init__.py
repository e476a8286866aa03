"""What the notebooks import: checks, corpora, models, demos, plots.

    units.py        the units, in the order of the course
    course.py       whose course is at work: this one, or another that uses this library as its engine
    checking/       an exercise checked: probe, observe, compare with the key, say what went wrong
    exercises/      the probes, a module for each unit
    keys/           what probes observe on right and known wrong answers: data, written by the build
    fallbacks/      what `my.NAME` is until the student's answer passes
    mywork/         the student's own work, by name, saved for later units
    corpora/        texts to learn from, one with exactly known entropy
    tokenizers/     text to ids and back
    inference/      what scoring and generating need before there is a model
    models/         n-gram, recurrent and transformer language models
    train/          training from the command line or Python, on one process or many
    decoding/       from probabilities to text: filters, samplers, searches
    pretrained/     real weights, loaded into these models
    demos/          demos for students and for the lecture hall
    plots/          the look of the course's figures

Importing this package loads nothing else: each part is imported where it is used, so that a notebook opens in a moment
and torch is paid for only by the units that need it.
"""

__version__ = "0.2.0"
