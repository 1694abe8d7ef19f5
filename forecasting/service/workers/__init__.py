"""The processes that compute, and the queue in front of them."""
