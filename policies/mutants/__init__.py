"""Break a resolved plan, one control at a time: exactly that control must fire, and rewrites must fire nothing."""
