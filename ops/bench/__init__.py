"""What the product does a second, measured from outside: `breakwater bench`. `bench/` at the top sets others beside it."""
