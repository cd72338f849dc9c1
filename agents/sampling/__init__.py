"""Alert storms: every alert counted, what matters kept, storms told of. Whole batches as columns."""
