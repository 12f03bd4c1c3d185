"""Small changes of the package that named tests must notice."""
