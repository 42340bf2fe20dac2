"""Half an hour of the gateway under load, while the provider fails and the database and the keeper go away."""
