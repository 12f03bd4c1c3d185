"""What measures the rows of the table: a module for each group, with `figures(bench)`."""
