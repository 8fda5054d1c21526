"""Tests of `paceline up`, `doctor`, `restore` and the simulated CRM."""
