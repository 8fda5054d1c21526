"""Tests of the SQL kit."""
