"""Files of other programs, made after what their sources say and from random values; none of it is read by a reader.

Each module says of every fact which source file it is from.
"""
