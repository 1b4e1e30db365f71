"""Reverse-mode automatic differentiation on NumPy, with CNN operators on top."""
