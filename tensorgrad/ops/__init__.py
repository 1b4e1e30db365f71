"""The formulary: every operator, its forward and its derivatives side by side, one file a family."""
