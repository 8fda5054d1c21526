"""Delivery of alerts, against receivers that behave badly."""
