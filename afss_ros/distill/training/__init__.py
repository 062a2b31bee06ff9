"""The training loop and all that it holds on to: state, schedule, processes, checkpoints, validation, pictures."""
