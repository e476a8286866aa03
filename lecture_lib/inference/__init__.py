"""What scoring and generating need before there is a model: ids, evaluation mode, threads."""
