"""Page models: values for the templates."""
