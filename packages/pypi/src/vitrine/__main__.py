"""`python -m vitrine`."""

from vitrine import main

main()
