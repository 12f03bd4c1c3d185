"""One module per command: `configure(parser)` adds arguments, `run(options)` prints the answer."""
