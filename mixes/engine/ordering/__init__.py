"""From songs and what is known of them to an order whose joins fit, with the reason for each join."""
