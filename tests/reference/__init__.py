"""PyTorch's numbers for every row of the table, one file a family, and the script that made them."""
