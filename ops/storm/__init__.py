"""Generated storms: their shapes, their alerts, and sending them."""
