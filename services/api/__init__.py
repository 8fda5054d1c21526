"""Progress, stream, administration and the page, over HTTP."""
