"""Benches and load tests. They use the product as a user does; nothing of the product uses them."""
