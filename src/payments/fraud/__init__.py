"""Fraud: signals, rules, scores, lists, reviews. Every payment is decided before an acquirer hears of it."""
