"""What training/results.py is made of: our numbers, the claims, the verdicts and the text."""
