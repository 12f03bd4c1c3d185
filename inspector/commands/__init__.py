"""One module per command: `configure(parser)` adds its arguments, `run(options)` prints its answer and returns the exit code."""
