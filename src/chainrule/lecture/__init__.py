"""The lecture on backpropagation, runnable: every claim with a program that shows it and the numbers it must give."""
