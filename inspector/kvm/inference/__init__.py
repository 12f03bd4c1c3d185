"""The way back: from what a kernel showed to what is known of the machine under it."""
