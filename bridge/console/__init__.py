"""`python -m bridge`: one call from the command line, with its ladder."""
