"""Many versions of each training image: decided by seed, name and number alone, and made in one warp."""
