"""What the bench starts in processes of their own: our server without a model, and its peers with ours."""
