"""The tests; `tests.cases` is the table of operators they share."""
