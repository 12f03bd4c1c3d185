"""The common vCPU that every host of a set can run."""
