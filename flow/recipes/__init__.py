"""Recipes, and the jobs that they describe."""
