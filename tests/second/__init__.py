"""The second quarter: two currencies, forecasts, a stage that means something else, a late rate."""
