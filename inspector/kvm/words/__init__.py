"""The words for what the model answers; nothing here decides."""
