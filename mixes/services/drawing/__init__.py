"""SVG drawings for pages."""
