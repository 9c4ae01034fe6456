"""What happens to speech between two people. Knows engines by their protocols; knows nothing of Asterisk."""
