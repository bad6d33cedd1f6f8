"""The commands, by what they work on; `bayes_scaling.cli` puts them together."""
