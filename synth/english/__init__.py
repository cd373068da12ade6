"""What is known of English, in one folder: the filters read it, and a translation would start here.

`vocabulary` and `inflection` know words and their forms, `sentences`, `clauses` and `pointing` what a text speaks of,
`claims` what it says of that, with a module for each kind of claim. None of them judges: what a text may say is for the
filters. Two others read English in their own way and stay apart: the preview renderer has the words for what it can
draw, and `synth.produce` knows the turns of phrase of the replies that it repairs.
"""
