"""Application Auto Scaling that acts: target tracking, scheduled actions, activities."""
