"""English, as far as more than one module has to know it.

`words`, `vocabulary`, `inflection` and `negation` know words and their forms, `sentences`, `clauses` and `pointing`
what a text speaks of, `claims` what it says of that, with a module for each kind of claim. They say what they read,
for people too (`Pointer.problem`); whether a dialogue fails by it is decided by the filters.

What one module alone looks for stands there, since it is that module's own decision: `phrasing` has the phrases that
speak of the task, `grounding` what says that something is normal or not there, `non_visual` and `safety` their banned
words. `synth.produce` has what it repairs in replies, `synth.backends.score` the words that only praise a picture, the
preview renderer those for what it can draw. A translation begins here and goes on there.
"""
