"""The page that people look at: static files served by `breakwater serve`; nothing is built, nothing comes from elsewhere."""
