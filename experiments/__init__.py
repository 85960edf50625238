"""Experiments: each file asks one question and lists trials."""
