"""The program around the modes: session, keys, frame, themes, palette, background work."""
