"""Lists of images in S3 for training jobs, made from the bucket's listing alone, and checked before they are used."""
