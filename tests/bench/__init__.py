"""`make bench`: the budgets of docs/benchmarks.md, measured on a stack of its own."""
