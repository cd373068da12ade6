"""`python -m synth.cli`: the `synth` command where the script is not on the path."""

from synth.cli import main

main()
