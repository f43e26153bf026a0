"""Programs written as a user writes: an explanation names their variables and lines."""
