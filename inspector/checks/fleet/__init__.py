"""Answers about any number of hosts as a fold: a small part of each dump, parts that merge in any order, one report."""
